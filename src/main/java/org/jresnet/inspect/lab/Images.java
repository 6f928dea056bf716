package org.jresnet.inspect.lab;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.BadImageException;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Sample;

/**
 * Images as the network takes them, with labels.
 *
 * @param pixels of each image, {@code h·w·3} bytes
 * @param labels class of each
 */
record Images(List<byte[]> pixels, int[] labels) {
  /** Draws some images, the same for the same seed, and decodes them. */
  static Images read(
      List<Sample> samples, int most, long seed, Preprocess preprocess, Consumer<String> notes) {
    int[] order = RandomStreams.permutation(samples.size(), RandomStreams.of(seed, "lab-images"));
    List<byte[]> pixels = new ArrayList<>();
    List<Integer> labels = new ArrayList<>();
    for (int i = 0; i < order.length && pixels.size() < most; i++) {
      Sample sample = samples.get(order[i]);
      try {
        pixels.add(preprocess.read(sample.file()).rgb());
        labels.add(sample.label());
      } catch (BadImageException e) {
        notes.accept(Text.format("left out: %s: %s", sample.file(), e.getMessage()));
      }
    }
    if (pixels.isEmpty()) {
      throw new UserError(Text.format("none of the %s images can be decoded", samples.size()));
    }
    return new Images(pixels, labels.stream().mapToInt(Integer::intValue).toArray());
  }

  int count() {
    return labels.length;
  }

  /** The first images only. */
  Images first(int most) {
    int count = Math.min(most, count());
    return new Images(pixels.subList(0, count), Arrays.copyOf(labels, count));
  }

  /**
   * Images from {@code first} on as one batch; the last ones are filled up with the last image.
   *
   * @param size of the batch
   */
  byte[] batch(int first, int size) {
    int bytes = pixels.get(0).length;
    byte[] batch = new byte[Math.multiplyExact(bytes, size)];
    for (int i = 0; i < size; i++) {
      byte[] image = pixels.get(Math.min(first + i, count() - 1));
      System.arraycopy(image, 0, batch, i * bytes, bytes);
    }
    return batch;
  }

  /** Labels of {@link #batch}. */
  int[] labels(int first, int size) {
    return IntStream.range(first, first + size)
        .map(i -> labels[Math.min(i, count() - 1)])
        .toArray();
  }
}
