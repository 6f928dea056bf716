package org.jresnet.detect.audit;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jresnet.data.ImageInfo;
import org.jresnet.data.JpegTables;
import org.jresnet.data.RgbImage;
import org.jresnet.metrics.DoubleQuantisation;

/**
 * Looks for an earlier JPEG compression of an image that is a JPEG now: its luma is transformed in
 * blocks of 8x8 again, and the lowest frequencies are examined by {@link DoubleQuantisation}.
 * Blocks between those of the grid show how coefficients are spread that were not rounded.
 *
 * <p>An earlier compression is found only if its blocks lay where today's lie (no crop, no resize),
 * it was the stronger one, and it used libjpeg's tables. Then the evidence is in the hundreds and
 * the quality right to within one; a weaker earlier one leaves nothing that is sure.
 */
final class JpegHistory {
  private static final int BLOCK = 8;

  /** Blocks that are looked at, evenly spread over the image. */
  private static final int MAX_BLOCKS = 1600;

  /** Coefficients other than zero that are needed to see anything. */
  private static final int MIN_COEFFICIENTS = 500;

  /**
   * Natural logarithm of the likelihood ratio from which an earlier compression counts as found; of
   * 480 images that were compressed once the largest was 15.
   */
  private static final double SURE = 20;

  /** Places in zigzag order of the frequencies that are looked at. */
  private static final int FIRST = 1;

  private static final int FREQUENCIES = 9;

  /** Rows and columns of those places in a block. */
  private static final int[] DOWN = {0, 1, 2, 1, 0, 0, 1, 2, 3};

  private static final int[] ACROSS = {1, 0, 0, 1, 2, 3, 2, 1, 0};

  private static final int[] QUALITIES = IntStream.rangeClosed(30, 98).toArray();
  private static final int[][] CANDIDATES =
      IntStream.of(QUALITIES)
          .mapToObj(q -> JpegTables.luminance(q).subList(FIRST, FIRST + FREQUENCIES))
          .map(steps -> steps.stream().mapToInt(Integer::intValue).toArray())
          .toArray(int[][]::new);

  /** Frequencies of a row that these need. */
  private static final int LINES = 4;

  private static final double[][] COSINES = cosines();

  private static double[][] cosines() {
    double[][] table = new double[LINES][BLOCK];
    for (int f = 0; f < LINES; f++) {
      for (int i = 0; i < BLOCK; i++) {
        table[f][i] =
            (f == 0 ? Math.sqrt(0.125) : 0.5)
                * StrictMath.cos(Math.PI * f * (2 * i + 1) / (2 * BLOCK));
      }
    }
    return table;
  }

  private final DoubleQuantisation comparison = new DoubleQuantisation();

  /** What the coefficients say. */
  ImageFacts.Doubled of(ImageInfo info, RgbImage image) {
    List<Integer> table = info.metadata().luminance();
    if (table.size() < FIRST + FREQUENCIES || Math.min(image.width(), image.height()) < 2 * BLOCK) {
      return ImageFacts.Doubled.UNTESTED;
    }
    int[] steps = new int[FREQUENCIES];
    for (int f = 0; f < FREQUENCIES; f++) {
      steps[f] = Math.max(1, table.get(FIRST + f));
    }
    long[][] histograms = histograms(image, steps, 0);
    long coefficients = Arrays.stream(histograms).flatMapToLong(Arrays::stream).sum();
    if (coefficients < MIN_COEFFICIENTS) {
      return ImageFacts.Doubled.UNTESTED;
    }
    long[][] unrounded = histograms(image, steps, BLOCK / 2);
    DoubleQuantisation.Result found = comparison.of(histograms, unrounded, steps, CANDIDATES);
    boolean sure = found.candidate() >= 0 && found.evidence() >= SURE;
    return new ImageFacts.Doubled(true, sure ? QUALITIES[found.candidate()] : 0, found.evidence());
  }

  /**
   * How often each absolute value occurs, in blocks that begin {@code shift} pixels off the grid.
   */
  private static long[][] histograms(RgbImage image, int[] steps, int shift) {
    int columns = (image.width() - shift) / BLOCK;
    int blocks = columns * ((image.height() - shift) / BLOCK);
    int used = Math.min(blocks, MAX_BLOCKS);
    long[][] histograms = new long[FREQUENCIES][DoubleQuantisation.VALUES];
    double[] block = new double[BLOCK * BLOCK];
    double[] rows = new double[BLOCK * LINES];
    for (int b = 0; b < used; b++) {
      int index = (int) ((long) b * blocks / used);
      read(image, shift + index / columns * BLOCK, shift + index % columns * BLOCK, block);
      for (int y = 0; y < BLOCK; y++) {
        for (int f = 0; f < LINES; f++) {
          double sum = 0;
          for (int x = 0; x < BLOCK; x++) {
            sum += block[y * BLOCK + x] * COSINES[f][x];
          }
          rows[y * LINES + f] = sum;
        }
      }
      for (int f = 0; f < FREQUENCIES; f++) {
        double sum = 0;
        for (int y = 0; y < BLOCK; y++) {
          sum += rows[y * LINES + ACROSS[f]] * COSINES[DOWN[f]][y];
        }
        int value = (int) Math.abs(Math.rint(sum / steps[f]));
        if (value >= 1 && value <= DoubleQuantisation.VALUES) {
          histograms[f][value - 1]++;
        }
      }
    }
    return histograms;
  }

  private static void read(RgbImage image, int top, int left, double[] block) {
    for (int i = 0; i < block.length; i++) {
      int at = ((top + i / BLOCK) * image.width() + left + i % BLOCK) * 3;
      byte[] rgb = image.rgb();
      // Not rounded: rounding would blur the coefficients further.
      block[i] =
          0.299 * (rgb[at] & 255) + 0.587 * (rgb[at + 1] & 255) + 0.114 * (rgb[at + 2] & 255);
    }
  }
}
