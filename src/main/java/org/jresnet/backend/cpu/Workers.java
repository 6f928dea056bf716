package org.jresnet.backend.cpu;

import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A few threads for the elementwise work that oneDNN does not do. Handing work over allocates
 * nothing, which parallel streams cannot promise. Used from one thread; the caller works along as
 * worker 0.
 */
final class Workers implements AutoCloseable {
  /** One worker's share. */
  interface Task {
    void run(int worker);
  }

  /** Looks at a barrier before the thread lets others run. */
  private static final int SPINS = 5_000;

  private final Thread[] threads;
  private final Semaphore[] start;
  private final Semaphore done = new Semaphore(0);
  private volatile Task task;
  private volatile Throwable failure;
  private final AtomicInteger waiting = new AtomicInteger();
  private volatile int round;

  Workers(int count) {
    threads = new Thread[count - 1];
    start = new Semaphore[count - 1];
    for (int i = 0; i < threads.length; i++) {
      int worker = i + 1;
      start[i] = new Semaphore(0);
      threads[i] = new Thread(() -> serve(worker), "jresnet-worker-" + worker);
      threads[i].setDaemon(true);
      threads[i].start();
    }
  }

  int count() {
    return threads.length + 1;
  }

  private void serve(int worker) {
    while (true) {
      start[worker - 1].acquireUninterruptibly();
      Task current = task;
      if (current == null) {
        return;
      }
      try {
        current.run(worker);
      } catch (RuntimeException | Error e) {
        fail(e);
      } finally {
        done.release();
      }
    }
  }

  /** Remembers the first failure; those that wait for this worker fail after it. */
  private synchronized void fail(Throwable e) {
    if (failure == null) {
      failure = e;
    }
  }

  /** Runs the task once per worker and waits for all. */
  void run(Task work) {
    task = work;
    for (Semaphore s : start) {
      s.release();
    }
    try {
      work.run(0);
    } catch (RuntimeException | Error e) {
      fail(e);
    } finally {
      done.acquireUninterruptibly(threads.length);
    }
    if (failure != null) {
      Throwable first = failure;
      failure = null;
      waiting.set(0);
      throw new IllegalStateException("a worker failed: " + first.getMessage(), first);
    }
  }

  /**
   * Called by every worker within a task: returns when all have called it. Waits without sleeping
   * at first, because tasks meet many times in a millisecond.
   */
  void meet() {
    int here = round;
    if (waiting.incrementAndGet() == count()) {
      waiting.set(0);
      round = here + 1;
      return;
    }
    for (int spins = 0; round == here; spins++) {
      if (failure != null) {
        throw new IllegalStateException("another worker failed");
      }
      if (spins < SPINS) {
        Thread.onSpinWait();
      } else {
        Thread.yield();
      }
    }
  }

  /** First element of a worker's share of {@code count}, in whole multiples of {@code unit}. */
  long share(int worker, long count, long unit) {
    long units = (count + unit - 1) / unit;
    return Math.min(count, units * worker / count() * unit);
  }

  @Override
  public void close() {
    task = null;
    for (Semaphore s : start) {
      s.release();
    }
  }
}
