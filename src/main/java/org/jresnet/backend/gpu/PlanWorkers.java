package org.jresnet.backend.gpu;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jresnet.base.Closing;
import org.jresnet.nativebindings.cuda.CudaException;
import org.jresnet.nativebindings.cuda.CudnnPlan;
import org.jresnet.nativebindings.cuda.EngineConfig;
import org.jresnet.nativebindings.cuda.Target;

/**
 * Threads that make plans: a compiled engine takes cuDNN half a second, and a ResNet-50 has thirty
 * of them, each norm has about thirty to choose from. Each thread has a cuDNN of its own, because
 * handles <a
 * href="https://docs.nvidia.com/deeplearning/cudnn/frontend/latest/developer/misc.html">must not be
 * used by two threads at a time</a>.
 */
final class PlanWorkers implements AutoCloseable {
  /** A cuDNN of its own takes some memory of the device. */
  private static final int MOST = 16;

  /** A plan, or why there is none. */
  record Made(EngineConfig config, CudnnPlan plan, CudaException failure) {}

  private final ExecutorService threads;
  private final List<Target> targets = new ArrayList<>();
  private final ThreadLocal<Target> own;

  /**
   * One for each processor; starts no thread yet.
   *
   * @param opening makes cuDNN ready in a thread that asks
   */
  PlanWorkers(Supplier<? extends Target> opening) {
    threads =
        Executors.newFixedThreadPool(
            Math.min(MOST, Runtime.getRuntime().availableProcessors()),
            task -> {
              Thread thread = new Thread(task, "plan");
              thread.setDaemon(true);
              return thread;
            });
    own =
        ThreadLocal.withInitial(
            () -> {
              Target target = opening.get();
              synchronized (targets) {
                targets.add(target);
              }
              return target;
            });
  }

  /** All of them, in their order. */
  List<Made> make(List<EngineConfig> configs) {
    List<Future<Made>> futures =
        configs.stream().map(config -> threads.submit(() -> make(config))).toList();
    try {
      return results(futures);
    } catch (RuntimeException e) {
      futures.forEach(PlanWorkers::discard);
      throw e;
    }
  }

  /** Does all of it, each with the cuDNN of the thread that does it. */
  void run(List<Consumer<Target>> tasks) {
    results(tasks.stream().map(t -> threads.submit(() -> t.accept(own.get()))).toList());
  }

  /** Waits for all, also when one has failed. */
  private static <T> List<T> results(List<? extends Future<? extends T>> futures) {
    List<T> results = new ArrayList<>();
    RuntimeException failure = null;
    for (Future<? extends T> future : futures) {
      try {
        results.add(future.get());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted while plans were made", e);
      } catch (ExecutionException e) {
        if (failure == null) {
          failure =
              e.getCause() instanceof CudaException cuda
                  ? cuda
                  : new IllegalStateException("plans were not made: " + e.getMessage(), e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
    return results;
  }

  private Made make(EngineConfig config) {
    try {
      return new Made(config, config.plan(own.get()), null);
    } catch (CudaException e) {
      return new Made(config, null, e);
    }
  }

  private static void discard(Future<Made> future) {
    if (!future.cancel(false)) {
      try {
        Made made = future.get();
        if (made.plan() != null) {
          made.plan().close();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } catch (ExecutionException e) {
        // Nothing came of it.
      }
    }
  }

  @Override
  public void close() {
    threads.shutdown();
    try {
      // What was interrupted is still at work.
      threads.awaitTermination(1, TimeUnit.MINUTES);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    synchronized (targets) {
      Closing.closeAll(targets);
      targets.clear();
    }
  }
}
