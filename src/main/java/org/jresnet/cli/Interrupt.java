package org.jresnet.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;
import java.util.function.LongSupplier;

/**
 * What Ctrl-C does while there is something to save: it asks the work to stop, and the process ends
 * once this is closed, or when the work takes too long.
 */
final class Interrupt implements AutoCloseable {
  private final CountDownLatch ended = new CountDownLatch(1);
  private final Thread hook;

  /**
   * Prepares for Ctrl-C; {@link #listen} begins.
   *
   * @param stop asks the work to stop, and says so
   * @param seconds that it may take until then
   * @param late is said when it takes longer than so many seconds
   */
  Interrupt(Runnable stop, LongSupplier seconds, LongFunction<String> late) {
    hook =
        new Thread(
            () -> {
              stop.run();
              await(seconds.getAsLong(), late);
            });
  }

  /** The process ends when this does. */
  private void await(long seconds, LongFunction<String> late) {
    try {
      if (!ended.await(seconds, TimeUnit.SECONDS)) {
        Console.printError("%s", late.apply(seconds));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** From now on Ctrl-C asks the work to stop. */
  void listen() {
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /** The work has ended. */
  @Override
  public void close() {
    ended.countDown();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The hook is what we are leaving through.
    }
  }
}
