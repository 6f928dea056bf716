package org.jresnet.backend.cpu;

import java.util.concurrent.Semaphore;

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

  private final Thread[] threads;
  private final Semaphore[] start;
  private final Semaphore done = new Semaphore(0);
  private volatile Task task;
  private volatile Throwable failure;

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
        failure = e;
      } finally {
        done.release();
      }
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
    } finally {
      done.acquireUninterruptibly(threads.length);
    }
    if (failure != null) {
      Throwable first = failure;
      failure = null;
      throw new IllegalStateException("a worker failed: " + first.getMessage(), first);
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
