package org.jresnet.serve;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jresnet.base.Text;

/**
 * Dynamic batching: gathers inputs that arrive at about the same time and computes them in one
 * pass. A pass starts when it is full, or when its first input has waited for the longest delay;
 * what arrives during a pass waits for the next one, which then starts at once.
 *
 * <p>Places are bounded. Who wants to submit reserves them first, before work such as decoding is
 * done; so the memory of all that waits is bounded, too. One thread computes.
 *
 * @param <I> input
 * @param <O> output
 */
final class Batcher<I, O> implements AutoCloseable {
  /** Computes a batch. */
  interface Pass<I, O> {
    /** Outputs in the order of the inputs. */
    List<O> run(List<I> inputs);
  }

  /**
   * When a pass starts, and how much may wait for it.
   *
   * @param largest most inputs of a pass
   * @param delayNanos how long the first input of a pass waits for others
   * @param places inputs that are reserved for or wait, at most
   */
  record Limits(int largest, long delayNanos, int places) {
    Limits {
      if (largest < 1 || delayNanos < 0 || places < 1) {
        throw new IllegalArgumentException(
            Text.format("impossible limits: %s, %s ns, %s", largest, delayNanos, places));
      }
    }
  }

  /**
   * A computed input.
   *
   * @param waitedNanos from submission to the start of its pass
   * @param passNanos of its pass
   * @param batch inputs of its pass
   */
  record Done<O>(O output, long waitedNanos, long passNanos, int batch) {}

  private record Waiting<I, O>(I input, long since, CompletableFuture<Done<O>> done) {}

  /** Weight of the last pass in the mean time of an input. */
  private static final double RECENT = 0.2;

  private final Limits limits;
  private final Pass<I, O> pass;
  private final Thread thread;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Deque<Waiting<I, O>> queue = new ArrayDeque<>();
  private int reserved;
  private boolean closed;
  private boolean givenUp;
  private boolean lost;
  private double nanosPerInput;

  Batcher(String name, Limits limits, Pass<I, O> pass) {
    this.limits = limits;
    this.pass = pass;
    thread = new Thread(this::work, "batches of " + name);
    thread.start();
  }

  /** Asks for places; false when there are not so many left. Each is submitted or given back. */
  boolean reserve(int count) {
    lock.lock();
    try {
      if (closed || queue.size() + reserved + count > limits.places()) {
        return false;
      }
      reserved += count;
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Gives a reserved place back. */
  void release() {
    lock.lock();
    try {
      reserved--;
      changed.signal();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Puts an input into a reserved place. What came out is handed over on the computing thread,
   * which must not be kept; cancel it when nobody waits for it any more.
   */
  CompletableFuture<Done<O>> submit(I input) {
    CompletableFuture<Done<O>> done = new CompletableFuture<>();
    lock.lock();
    try {
      if (reserved == 0) {
        throw new IllegalStateException("submitted without a reserved place");
      }
      reserved--;
      queue.add(new Waiting<>(input, System.nanoTime(), done));
      changed.signal();
    } finally {
      lock.unlock();
    }
    return done;
  }

  /** Places that are taken. */
  int taken() {
    lock.lock();
    try {
      return queue.size() + reserved;
    } finally {
      lock.unlock();
    }
  }

  Limits limits() {
    return limits;
  }

  /** About how long what waits now will take, in seconds; at least one. */
  long secondsOfWork() {
    lock.lock();
    try {
      return Math.max(1, (long) Math.ceil((queue.size() + reserved) * nanosPerInput / 1e9));
    } finally {
      lock.unlock();
    }
  }

  private void work() {
    try {
      for (List<Waiting<I, O>> batch = next(); !batch.isEmpty(); batch = next()) {
        compute(batch);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      abandon();
    }
  }

  /** The next batch; empty at the end. */
  private List<Waiting<I, O>> next() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      List<Waiting<I, O>> batch = new ArrayList<>();
      while (batch.isEmpty()) {
        while (queue.isEmpty() || givenUp) {
          if (givenUp || closed && reserved == 0) {
            return batch;
          }
          changed.await();
        }
        long end = queue.peek().since() + limits.delayNanos();
        for (long left = end - System.nanoTime();
            left > 0 && queue.size() < limits.largest() && !(closed && reserved == 0);
            left = end - System.nanoTime()) {
          changed.awaitNanos(left);
        }
        while (batch.size() < limits.largest() && !queue.isEmpty()) {
          Waiting<I, O> first = queue.poll();
          if (!first.done().isCancelled()) {
            batch.add(first);
          }
        }
      }
      return batch;
    } finally {
      lock.unlock();
    }
  }

  private void compute(List<Waiting<I, O>> batch) {
    long start = System.nanoTime();
    List<O> outputs;
    try {
      outputs = pass.run(batch.stream().map(Waiting::input).toList());
      if (outputs.size() != batch.size()) {
        throw new IllegalStateException(
            Text.format("%s outputs for %s inputs", outputs.size(), batch.size()));
      }
    } catch (RuntimeException | Error e) {
      // Those who wait get it; the next batch may fare better.
      batch.forEach(w -> w.done().completeExceptionally(e));
      return;
    }
    long nanos = System.nanoTime() - start;
    lock.lock();
    try {
      double one = (double) nanos / batch.size();
      nanosPerInput = nanosPerInput == 0 ? one : RECENT * one + (1 - RECENT) * nanosPerInput;
    } finally {
      lock.unlock();
    }
    for (int i = 0; i < outputs.size(); i++) {
      Waiting<I, O> w = batch.get(i);
      w.done().complete(new Done<>(outputs.get(i), start - w.since(), nanos, batch.size()));
    }
  }

  /** Nobody must wait for ever. */
  private void abandon() {
    lock.lock();
    List<Waiting<I, O>> rest = List.copyOf(queue);
    try {
      closed = true;
      lost = !rest.isEmpty() || reserved > 0;
      queue.clear();
    } finally {
      lock.unlock();
    }
    rest.forEach(w -> w.done().completeExceptionally(new CancellationException("shut down")));
  }

  /**
   * Takes nothing new, computes all that is reserved or waits, and ends.
   *
   * @return false when that took longer and something was given up, after the pass under way
   */
  boolean close(long timeout, TimeUnit unit) throws InterruptedException {
    lock.lock();
    try {
      closed = true;
      changed.signal();
    } finally {
      lock.unlock();
    }
    thread.join(Math.max(1, unit.toMillis(timeout)));
    lock.lock();
    try {
      givenUp = true;
    } finally {
      lock.unlock();
    }
    thread.interrupt();
    thread.join();
    return !lost;
  }

  /** Gives up what waits. */
  @Override
  public void close() {
    try {
      close(0, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
