package org.jresnet.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.jresnet.base.Stopped;
import org.jresnet.base.UserError;

/**
 * Decodes each image of a set once, by several threads. What they decode at the same time fits into
 * the heap, however large the images are; nothing is kept of an image that has been visited.
 */
public final class ImageVisits {
  /** What becomes of an image; called from several threads, in any order. */
  public interface Visitor {
    /**
     * An image that could be decoded.
     *
     * @param index of the file in the list
     * @param contentHash SHA-256 of the file
     */
    void visit(int index, ImageInfo info, RgbImage image, String contentHash);

    /** An image that could not. */
    void failed(int index, BadImageException problem);
  }

  private ImageVisits() {}

  /**
   * Visits all files.
   *
   * @param threads that decode, at least 1
   * @param stop asked before each image
   * @throws Stopped when {@code stop} says so
   */
  public static void all(List<Path> files, int threads, BooleanSupplier stop, Visitor visitor) {
    AtomicInteger next = new AtomicInteger();
    ExecutorService pool = Executors.newFixedThreadPool(threads, ImageVisits::daemon);
    try {
      List<Future<?>> workers = new ArrayList<>();
      for (int t = 0; t < threads; t++) {
        workers.add(
            pool.submit(
                () -> {
                  for (int i = next.getAndIncrement();
                      i < files.size();
                      i = next.getAndIncrement()) {
                    if (stop.getAsBoolean()) {
                      throw new Stopped(
                          "stopped after " + i + " of " + files.size() + " images were read");
                    }
                    visit(files.get(i), i, visitor);
                  }
                }));
      }
      for (Future<?> worker : workers) {
        worker.get();
      }
    } catch (ExecutionException e) {
      next.set(files.size());
      if (e.getCause() instanceof RuntimeException r) {
        throw r;
      }
      if (e.getCause() instanceof Error error) {
        throw error;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      next.set(files.size());
      Thread.currentThread().interrupt();
      throw new UserError("interrupted while images were read", e);
    } finally {
      pool.shutdown();
    }
  }

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "visit images");
    thread.setDaemon(true);
    return thread;
  }

  private static void visit(Path file, int index, Visitor visitor) {
    try {
      OpenedImage opened = OpenedImage.of(file, ImageDecoder.Options.DEFAULT);
      int share = DecodingMemory.HEAP.take(opened.memory());
      try {
        visitor.visit(index, opened.info(), opened.decode(), opened.contentHash());
      } finally {
        DecodingMemory.HEAP.give(share);
      }
    } catch (BadImageException e) {
      visitor.failed(index, e);
    }
  }
}
