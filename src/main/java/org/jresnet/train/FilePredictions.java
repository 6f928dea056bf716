package org.jresnet.train;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import org.jresnet.base.UserError;
import org.jresnet.data.BadImageException;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.Preprocess;
import org.jresnet.data.RgbImage;

/**
 * Predicts any number of files, in their order: images are decoded ahead on several threads and
 * computed in batches. Some batches are in memory at a time, however many files there are.
 */
public final class FilePredictions {
  /** Batches that are decoded or wait while one is computed. */
  private static final int AHEAD = 3;

  /**
   * What became of a file.
   *
   * @param prediction empty where it cannot be decoded
   * @param failure why it cannot be decoded
   */
  public record Result(
      Path file, Optional<Prediction> prediction, Optional<BadImageException> failure) {}

  private record Decoded(RgbImage pixels, BadImageException failure, double millis) {}

  private record Pending(Path file, Future<Decoded> decoded) {}

  private FilePredictions() {}

  /**
   * Predicts them.
   *
   * @param predictor computes as many images at once as it can
   * @param preprocess how images become input
   * @param threads that decode
   * @param results is told of each file on this thread; what it throws ends the work
   */
  public static void each(
      Iterator<Path> files,
      BatchPredictor predictor,
      Preprocess preprocess,
      int threads,
      Consumer<Result> results) {
    ExecutorService decoders = Executors.newFixedThreadPool(threads, FilePredictions::thread);
    try {
      Reader reader = new Reader(files, decoders, preprocess, predictor.largest());
      predictor.each(reader, predictions -> reader.report(predictions, results));
    } finally {
      // Images in work are finished: an interrupted read would look like a bad file.
      decoders.shutdown();
    }
  }

  private static Thread thread(Runnable work) {
    Thread thread = new Thread(work, "decoder");
    thread.setDaemon(true);
    return thread;
  }

  private static Decoded decode(Path file, Preprocess preprocess) {
    long start = System.nanoTime();
    try {
      RgbImage pixels = ImageDecoder.input(file, preprocess).pixels();
      return new Decoded(pixels, null, (System.nanoTime() - start) / 1e6);
    } catch (BadImageException e) {
      return new Decoded(null, e, 0);
    }
  }

  /** Gives the images of one batch after the other, and remembers whose they are. */
  private static final class Reader implements Iterator<List<RgbImage>> {
    private final Iterator<Path> files;
    private final ExecutorService decoders;
    private final Preprocess preprocess;
    private final int batch;
    private final Deque<Pending> ahead = new ArrayDeque<>();

    /** Files of the batches that were given and are not reported yet. */
    private final Deque<List<Path>> givenFiles = new ArrayDeque<>();

    private final Deque<List<Decoded>> given = new ArrayDeque<>();

    Reader(Iterator<Path> files, ExecutorService decoders, Preprocess preprocess, int batch) {
      this.files = files;
      this.decoders = decoders;
      this.preprocess = preprocess;
      this.batch = batch;
    }

    @Override
    public boolean hasNext() {
      while (ahead.size() < AHEAD * batch && files.hasNext()) {
        Path file = files.next();
        ahead.add(new Pending(file, decoders.submit(() -> decode(file, preprocess))));
      }
      return !ahead.isEmpty();
    }

    @Override
    public List<RgbImage> next() {
      List<Path> paths = new ArrayList<>();
      List<Decoded> decoded = new ArrayList<>();
      List<RgbImage> inputs = new ArrayList<>();
      while (inputs.size() < batch && !ahead.isEmpty()) {
        Pending first = ahead.poll();
        Decoded d = await(first.decoded());
        paths.add(first.file());
        decoded.add(d);
        if (d.failure() == null) {
          inputs.add(d.pixels());
        }
      }
      givenFiles.add(paths);
      given.add(decoded);
      return inputs;
    }

    /** Tells of the oldest batch that was given. */
    void report(List<Prediction> predictions, Consumer<Result> results) {
      Iterator<Path> paths = givenFiles.remove().iterator();
      Iterator<Prediction> next = predictions.iterator();
      for (Decoded d : given.remove()) {
        results.accept(
            d.failure() == null
                ? new Result(
                    paths.next(),
                    Optional.of(next.next().preprocessed(d.millis())),
                    Optional.empty())
                : new Result(paths.next(), Optional.empty(), Optional.of(d.failure())));
      }
    }
  }

  private static Decoded await(Future<Decoded> decoded) {
    try {
      return decoded.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for images", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Error error) {
        throw error;
      }
      if (e.getCause() instanceof UserError error) {
        throw error;
      }
      throw new IllegalStateException("a decoding thread failed", e.getCause());
    }
  }
}
