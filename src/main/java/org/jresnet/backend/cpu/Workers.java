package org.jresnet.backend.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

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

  /** Looks at what another thread will change before this one lets others run. */
  private static final int SPINS = 5_000;

  /** Looks at whether another task follows at once, as an op's second pass does. */
  private static final int PAUSE = 200;

  private final Thread[] threads;
  private volatile Task task;
  private volatile Throwable failure;

  /**
   * Counts tasks: threads sleep until it changes. A semaphore would make an object for each sleep.
   */
  private volatile int turn;

  /** Workers beside the caller that are not done. */
  private final AtomicInteger running = new AtomicInteger();

  private volatile Thread caller;
  private final AtomicInteger waiting = new AtomicInteger();
  private volatile int round;

  Workers(int count) {
    threads = new Thread[count - 1];
    for (int i = 0; i < threads.length; i++) {
      int worker = i + 1;
      threads[i] = new Thread(() -> serve(worker), "jresnet-worker-" + worker);
      threads[i].setDaemon(true);
      threads[i].start();
    }
  }

  int count() {
    return threads.length + 1;
  }

  private void serve(int worker) {
    for (int seen = 0; ; seen++) {
      for (int spins = 0; turn == seen; spins++) {
        if (spins < PAUSE) {
          Thread.onSpinWait();
        } else {
          LockSupport.park(this);
        }
      }
      Task current = task;
      if (current == null) {
        return;
      }
      try {
        current.run(worker);
      } catch (RuntimeException | Error e) {
        fail(e);
      } finally {
        if (running.decrementAndGet() == 0) {
          LockSupport.unpark(caller);
        }
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
    caller = Thread.currentThread();
    running.set(threads.length);
    begin(work);
    try {
      work.run(0);
    } catch (RuntimeException | Error e) {
      fail(e);
    } finally {
      for (int spins = 0; running.get() > 0; spins++) {
        if (spins < SPINS) {
          Thread.onSpinWait();
        } else {
          LockSupport.park(this);
        }
      }
    }
    if (failure != null) {
      Throwable first = failure;
      failure = null;
      waiting.set(0);
      throw new IllegalStateException("a worker failed: " + first.getMessage(), first);
    }
  }

  private void begin(Task work) {
    task = work;
    int before = turn;
    turn = before + 1;
    for (Thread thread : threads) {
      LockSupport.unpark(thread);
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
    begin(null);
  }
}
