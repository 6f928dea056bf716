package org.jresnet.cli;

import java.lang.reflect.Proxy;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * SIGUSR1, by which a job scheduler says that the time is nearly up: what runs saves its state and
 * ends as a success, so that the job is started again and goes on.
 */
final class TimeIsUp {
  private static final Logger LOG = LoggerFactory.getLogger(TimeIsUp.class);

  private boolean heard;
  private boolean silent;
  private Optional<Runnable> stop = Optional.empty();

  private TimeIsUp() {}

  /** From now on the signal is heard; without this it ends the process. */
  static TimeIsUp listen() {
    TimeIsUp time = new TimeIsUp();
    try {
      // Not by its name: javac warns of every use of this class.
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Object proxy =
          Proxy.newProxyInstance(
              handler.getClassLoader(),
              new Class<?>[] {handler},
              (self, method, arguments) -> {
                time.signal();
                return null;
              });
      Object number = signal.getConstructor(String.class).newInstance("USR1");
      signal.getMethod("handle", signal, handler).invoke(null, number, proxy);
    } catch (ReflectiveOperationException | IllegalArgumentException e) {
      LOG.warn("SIGUSR1 cannot be heard here and ends the process at once: {}", e.toString());
    }
    return time;
  }

  private synchronized void signal() {
    if (!heard) {
      heard = true;
      if (!silent) {
        Console.printError("SIGUSR1: stopping after this step and saving a checkpoint ...");
      }
    }
    stop.ifPresent(Runnable::run);
  }

  /** What the signal does; at once, if it has come already. */
  synchronized void then(Runnable stopping) {
    stop = Optional.of(stopping);
    if (heard) {
      stopping.run();
    }
  }

  /** Another rank says that the signal has come. */
  synchronized void silence() {
    silent = true;
  }

  /** Whether the signal has come. */
  synchronized boolean heard() {
    return heard;
  }
}
