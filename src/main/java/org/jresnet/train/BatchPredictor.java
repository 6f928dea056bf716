package org.jresnet.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.function.Consumer;
import org.jresnet.base.Closing;
import org.jresnet.data.RgbImage;
import org.jresnet.engine.Executable;

/**
 * Predicts several images in one pass. The network is compiled for a few batch sizes, such as the
 * largest and the powers of four below it; any number of images is divided between these. Nothing
 * is allocated outside of Java's heap afterwards. Used from one thread.
 *
 * <p>An image's logits do not depend on its neighbours. With the batch size they may change by
 * rounding: one image alone has those of {@link Classifier#predict(RgbImage)} to the bit.
 */
public final class BatchPredictor implements AutoCloseable {
  private final Classifier classifier;
  private final int imageBytes;
  private final List<Compiled> sizes = new ArrayList<>();
  private final List<Integer> batches;

  /** With pixels of two passes: one that is computed, and the next one. */
  private static final class Compiled implements AutoCloseable {
    final int batch;
    final Executable executable;
    private final byte[][] pixels;
    private int turn;

    Compiled(int batch, Executable executable, int imageBytes) {
      this.batch = batch;
      this.executable = executable;
      pixels = new byte[2][batch * imageBytes];
    }

    int batch() {
      return batch;
    }

    byte[] nextPixels() {
      turn = 1 - turn;
      return pixels[turn];
    }

    @Override
    public void close() {
      executable.close();
    }
  }

  /**
   * Images that are computed together.
   *
   * @param last whether they are the last ones of their list
   */
  private record Pass(Compiled compiled, byte[] pixels, int images, boolean last) {}

  BatchPredictor(Classifier classifier, List<Integer> batchSizes) {
    this.classifier = classifier;
    int side = classifier.preprocess().size();
    imageBytes = 3 * side * side;
    try {
      for (int batch : batchSizes) {
        Executable executable =
            sizes.isEmpty() ? classifier.compile(batch) : sizes.get(0).executable.forBatch(batch);
        Compiled compiled = new Compiled(batch, executable, imageBytes);
        sizes.add(compiled);
        // Packs the weights, so that the first image does not wait for it.
        Logits.of(executable, compiled.nextPixels());
      }
    } catch (RuntimeException | Error e) {
      Closing.closeAll(sizes);
      throw e;
    }
    batches = sizes.stream().map(Compiled::batch).toList();
  }

  /** Batch sizes for at most so many images, the largest first. */
  static List<Integer> sizes(int largest) {
    List<Integer> sizes = new ArrayList<>(List.of(largest));
    for (int size = Integer.highestOneBit(largest); size > 0; size >>= 1) {
      if (size < largest && Integer.numberOfTrailingZeros(size) % 2 == 0) {
        sizes.add(size);
      }
    }
    return sizes;
  }

  /**
   * The batch size to go on with when so many images are left: the largest that they fill, or the
   * next one if they fill more than half of it.
   */
  static int next(int left, List<Integer> sizes) {
    return sizes.stream()
        .filter(size -> 2 * left > size)
        .findFirst()
        .orElse(sizes.get(sizes.size() - 1));
  }

  /** Most images of a pass. */
  public int largest() {
    return sizes.get(0).batch();
  }

  /**
   * Predicts what {@link org.jresnet.data.Preprocess#apply} made of images.
   *
   * @param inputs any number, each of the size of the network's input
   * @throws org.jresnet.base.UserError when the network gives no numbers
   */
  public List<Prediction> predict(List<RgbImage> inputs) {
    List<Prediction> predictions = new ArrayList<>(inputs.size());
    each(List.of(inputs).iterator(), predictions::addAll);
    return predictions;
  }

  /**
   * The same for one list after the other. A GPU computes while the next list is asked for, and
   * while its first images are copied there.
   *
   * @param results is told of each list, in order
   */
  void each(Iterator<List<RgbImage>> lists, Consumer<List<Prediction>> results) {
    List<Prediction> ready = new ArrayList<>();
    Pass running = null;
    long nanos = 0;
    while (lists.hasNext()) {
      List<RgbImage> inputs = lists.next();
      int from = 0;
      do {
        Pass next = fill(inputs, from);
        from += next.images();
        if (next.images() > 0) {
          next.compiled().executable.prefetch(next.pixels());
        }
        finish(running, nanos, ready, results);
        long start = System.nanoTime();
        if (next.images() > 0) {
          next.compiled().executable.start(next.pixels());
        }
        nanos = System.nanoTime() - start;
        running = next;
      } while (!running.last());
    }
    finish(running, nanos, ready, results);
  }

  /** The pass that begins with that image; of no images where the list has none. */
  private Pass fill(List<RgbImage> inputs, int from) {
    if (inputs.isEmpty()) {
      return new Pass(sizes.get(0), new byte[0], 0, true);
    }
    int batch = next(inputs.size() - from, batches);
    int to = Math.min(inputs.size(), from + batch);
    Compiled compiled = sizes.get(batches.indexOf(batch));
    byte[] pixels = compiled.nextPixels();
    for (int i = from; i < to; i++) {
      byte[] rgb = inputs.get(i).rgb();
      if (rgb.length != imageBytes) {
        throw new IllegalArgumentException(
            "image %d has %d bytes, the network's input %d".formatted(i, rgb.length, imageBytes));
      }
      System.arraycopy(rgb, 0, pixels, (i - from) * imageBytes, imageBytes);
    }
    Arrays.fill(pixels, (to - from) * imageBytes, pixels.length, (byte) 0);
    return new Pass(compiled, pixels, to - from, to == inputs.size());
  }

  /**
   * Waits for a pass, if there is one.
   *
   * @param nanos that starting it took
   */
  private void finish(
      Pass pass, long nanos, List<Prediction> ready, Consumer<List<Prediction>> results) {
    if (pass == null) {
      return;
    }
    if (pass.images() > 0) {
      long start = System.nanoTime();
      float[] logits = Logits.ofLast(pass.compiled().executable);
      double millis = (nanos + System.nanoTime() - start) / 1e6 / pass.images();
      int k = classifier.classes().size();
      for (int i = 0; i < pass.images(); i++) {
        ready.add(classifier.prediction(Arrays.copyOfRange(logits, i * k, (i + 1) * k), 0, millis));
      }
    }
    if (pass.last()) {
      results.accept(List.copyOf(ready));
      ready.clear();
    }
  }

  @Override
  public void close() {
    Closing.closeAll(sizes);
    sizes.clear();
  }
}
