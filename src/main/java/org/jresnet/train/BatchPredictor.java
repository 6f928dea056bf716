package org.jresnet.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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

  private record Compiled(int batch, Executable executable, byte[] pixels)
      implements AutoCloseable {
    @Override
    public void close() {
      executable.close();
    }
  }

  BatchPredictor(Classifier classifier, List<Integer> batchSizes) {
    this.classifier = classifier;
    int side = classifier.preprocess().size();
    imageBytes = 3 * side * side;
    try {
      for (int batch : batchSizes) {
        Executable executable = classifier.compile(batch);
        sizes.add(new Compiled(batch, executable, new byte[batch * imageBytes]));
        // Packs the weights, so that the first image does not wait for it.
        Logits.of(executable, sizes.get(sizes.size() - 1).pixels());
      }
    } catch (RuntimeException | Error e) {
      Closing.closeAll(sizes);
      throw e;
    }
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
    List<Integer> batches = sizes.stream().map(Compiled::batch).toList();
    List<Prediction> predictions = new ArrayList<>(inputs.size());
    while (predictions.size() < inputs.size()) {
      int from = predictions.size();
      int batch = next(inputs.size() - from, batches);
      int to = Math.min(inputs.size(), from + batch);
      predictions.addAll(pass(sizes.get(batches.indexOf(batch)), inputs, from, to));
    }
    return predictions;
  }

  private List<Prediction> pass(Compiled compiled, List<RgbImage> inputs, int from, int to) {
    for (int i = from; i < to; i++) {
      byte[] rgb = inputs.get(i).rgb();
      if (rgb.length != imageBytes) {
        throw new IllegalArgumentException(
            "image %d has %d bytes, the network's input %d".formatted(i, rgb.length, imageBytes));
      }
      System.arraycopy(rgb, 0, compiled.pixels(), (i - from) * imageBytes, imageBytes);
    }
    Arrays.fill(compiled.pixels(), (to - from) * imageBytes, compiled.pixels().length, (byte) 0);
    long start = System.nanoTime();
    float[] logits = Logits.of(compiled.executable(), compiled.pixels());
    double millis = (System.nanoTime() - start) / 1e6 / (to - from);
    int k = classifier.classes().size();
    List<Prediction> predictions = new ArrayList<>(to - from);
    for (int i = 0; i < to - from; i++) {
      predictions.add(
          classifier.prediction(Arrays.copyOfRange(logits, i * k, (i + 1) * k), 0, millis));
    }
    return predictions;
  }

  @Override
  public void close() {
    Closing.closeAll(sizes);
    sizes.clear();
  }
}
