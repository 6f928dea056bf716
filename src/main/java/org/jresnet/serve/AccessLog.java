package org.jresnet.serve;

import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Hands the lines of the access log to their reader on a thread of its own: a terminal or a pipe
 * that is not read must not keep requests waiting. Lines for which there is no room are dropped and
 * counted.
 */
final class AccessLog implements AutoCloseable {
  private static final int ROOM = 10_000;
  private static final Map<String, Object> END = Map.of();

  private final BlockingQueue<Map<String, Object>> lines = new ArrayBlockingQueue<>(ROOM);
  private final AtomicLong dropped = new AtomicLong();
  private final Thread thread;

  AccessLog(Consumer<Map<String, Object>> reader) {
    thread = new Thread(() -> pass(reader), "access log");
    thread.setDaemon(true);
    thread.start();
  }

  void add(Map<String, Object> line) {
    if (!lines.offer(line)) {
      dropped.incrementAndGet();
    }
  }

  long dropped() {
    return dropped.get();
  }

  private void pass(Consumer<Map<String, Object>> reader) {
    try {
      for (Map<String, Object> line = lines.take(); line != END; line = lines.take()) {
        reader.accept(line);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Passes on what is there; a reader that does not read is not waited for. */
  @Override
  public void close() {
    try {
      if (lines.offer(END, 1, java.util.concurrent.TimeUnit.SECONDS)) {
        thread.join(1000);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
