package org.jresnet.backend.gpu;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import org.jresnet.base.Closing;
import org.jresnet.nativebindings.cuda.CudaException;
import org.jresnet.nativebindings.cuda.CudnnHandle;
import org.jresnet.nativebindings.cuda.CudnnPlan;
import org.jresnet.nativebindings.cuda.EngineConfig;

/**
 * Threads that make plans: a compiled engine takes cuDNN half a second, and a norm has about thirty
 * of them. Each thread has a cuDNN of its own, because handles <a
 * href="https://docs.nvidia.com/deeplearning/cudnn/frontend/latest/developer/misc.html">must not be
 * used by two threads at a time</a>.
 */
final class PlanWorkers implements AutoCloseable {
  /** A plan, or why there is none. */
  record Made(EngineConfig config, CudnnPlan plan, CudaException failure) {}

  private final ExecutorService threads;
  private final List<CudnnHandle> handles = new ArrayList<>();
  private final ThreadLocal<CudnnHandle> own;

  /**
   * Starts no thread yet.
   *
   * @param count of threads
   * @param opening makes cuDNN ready in a thread that asks
   */
  PlanWorkers(int count, Supplier<CudnnHandle> opening) {
    threads =
        Executors.newFixedThreadPool(
            count,
            task -> {
              Thread thread = new Thread(task, "plan");
              thread.setDaemon(true);
              return thread;
            });
    own =
        ThreadLocal.withInitial(
            () -> {
              CudnnHandle handle = opening.get();
              synchronized (handles) {
                handles.add(handle);
              }
              return handle;
            });
  }

  /** All of them, in their order. */
  List<Made> make(List<EngineConfig> configs) {
    List<Future<Made>> futures =
        configs.stream().map(config -> threads.submit(() -> make(config))).toList();
    List<Made> made = new ArrayList<>();
    try {
      for (Future<Made> future : futures) {
        made.add(future.get());
      }
      return made;
    } catch (InterruptedException | ExecutionException e) {
      futures.forEach(PlanWorkers::discard);
      if (e instanceof InterruptedException) {
        Thread.currentThread().interrupt();
      }
      throw new IllegalStateException("plans were not made: " + e.getMessage(), e);
    }
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
    synchronized (handles) {
      Closing.closeAll(handles);
      handles.clear();
    }
  }
}
