package org.jresnet.metrics;

import java.util.Arrays;

/**
 * What an image looks like in 192 bits, nearly the same for copies that were encoded again, resized
 * or darkened: signs of its lowest frequencies, and of the differences between neighbouring fields
 * of an 8x8 grid.
 *
 * @param low which of the 64 lowest frequencies of a cosine transform of 32x32 fields (all but the
 *     mean, in zigzag order) lie above their median; Zauner (2010), Implementation and benchmarking
 *     of perceptual image hash functions
 * @param across whether each of 8x8 fields is darker than its right neighbour
 * @param down whether it is darker than the one below
 */
public record PerceptualHash(long low, long across, long down) {
  /** Fields on each side that a hash is made from. */
  public static final int SIDE = 32;

  private static final int BITS = 64;

  /** The frequencies (down, across) in the order of their sum, without the mean. */
  private static final int[][] LOWEST = lowest();

  private static final CosineTransform COSINES = new CosineTransform(SIDE, SIDE);

  private static int[][] lowest() {
    int[][] order = new int[BITS][];
    int count = 0;
    for (int sum = 1; count < BITS; sum++) {
      for (int v = 0; v <= sum && count < BITS; v++) {
        order[count++] = new int[] {v, sum - v};
      }
    }
    return order;
  }

  /**
   * Of mean brightnesses.
   *
   * @param fields {@value #SIDE} rows of {@value #SIDE} values
   */
  public static PerceptualHash of(double[] fields) {
    if (fields.length != SIDE * SIDE) {
      throw new IllegalArgumentException("expected 1024 fields, found " + fields.length);
    }
    return new PerceptualHash(low(fields), signs(fields, 1, 0), signs(fields, 0, 1));
  }

  private static long low(double[] fields) {
    double[] coefficients = COSINES.forward(fields);
    double[] values = new double[BITS];
    for (int i = 0; i < BITS; i++) {
      values[i] = coefficients[LOWEST[i][0] * SIDE + LOWEST[i][1]];
    }
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    double median = (sorted[BITS / 2 - 1] + sorted[BITS / 2]) / 2;
    long bits = 0;
    for (int i = 0; i < BITS; i++) {
      bits |= values[i] > median ? 1L << i : 0;
    }
    return bits;
  }

  /** Signs of the differences between fields of a 9x9 grid. */
  private static long signs(double[] fields, int right, int below) {
    long bits = 0;
    for (int i = 0; i < BITS; i++) {
      int y = i / 8;
      int x = i % 8;
      if (mean(fields, y + below, x + right) > mean(fields, y, x)) {
        bits |= 1L << i;
      }
    }
    return bits;
  }

  /** Mean of one of 9x9 fields; the grid has 32 rows, so that some are 3 and some 4 high. */
  private static double mean(double[] fields, int row, int column) {
    double sum = 0;
    int count = 0;
    for (int y = row * SIDE / 9; y < (row + 1) * SIDE / 9; y++) {
      for (int x = column * SIDE / 9; x < (column + 1) * SIDE / 9; x++) {
        sum += fields[y * SIDE + x];
        count++;
      }
    }
    return sum / count;
  }

  /** Differing bits of the lowest frequencies, 0 to 64; about 32 for unrelated images. */
  public int lowDistance(PerceptualHash other) {
    return Long.bitCount(low ^ other.low);
  }

  /** Differing bits of the neighbours' differences, 0 to 128. */
  public int neighbourDistance(PerceptualHash other) {
    return Long.bitCount(across ^ other.across) + Long.bitCount(down ^ other.down);
  }
}
