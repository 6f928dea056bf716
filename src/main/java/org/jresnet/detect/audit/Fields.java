package org.jresnet.detect.audit;

import org.jresnet.metrics.PerceptualHash;

/** Mean brightness of 32x32 equal fields of an image, or of what is left after a cut. */
final class Fields {
  private static final int SIDE = PerceptualHash.SIDE;

  /** Fields on each side over which the local mean is taken. */
  private static final int REACH = 3;

  /**
   * Shares that are cut off at the left, right, top and bottom: nothing, then the ways in which
   * copies of up to 5 % are cut, near enough to all others.
   */
  static final double[][] CUTS = {
    {0, 0, 0, 0},
    {0.0125, 0.0125, 0.0125, 0.0125},
    {0.025, 0.025, 0.025, 0.025},
    {0.05, 0, 0.05, 0},
    {0.05, 0, 0, 0.05},
    {0, 0.05, 0.05, 0},
    {0, 0.05, 0, 0.05},
    {0.05, 0, 0.025, 0.025},
    {0, 0.05, 0.025, 0.025},
    {0.025, 0.025, 0.05, 0},
    {0.025, 0.025, 0, 0.05}
  };

  private Fields() {}

  /**
   * Averages what is left of a grid after a cut; a field that ends inside a value takes its share.
   *
   * @param grid brightnesses, row by row, {@code stride} apart
   * @param width values in a row
   * @param height rows
   * @param cut one of {@link #CUTS}
   */
  static double[] of(double[] grid, int stride, int width, int height, double[] cut) {
    double[] rows = new double[SIDE * width];
    double top = height * cut[2];
    double fieldHeight = (height * (1 - cut[3]) - top) / SIDE;
    for (int f = 0; f < SIDE; f++) {
      double from = top + f * fieldHeight;
      double to = from + fieldHeight;
      for (int y = (int) from; y < to - 1e-9; y++) {
        double share = (Math.min(to, y + 1) - Math.max(from, y)) / fieldHeight;
        for (int x = 0; x < width; x++) {
          rows[f * width + x] += share * grid[y * stride + x];
        }
      }
    }
    double[] fields = new double[SIDE * SIDE];
    double left = width * cut[0];
    double fieldWidth = (width * (1 - cut[1]) - left) / SIDE;
    for (int f = 0; f < SIDE; f++) {
      double from = left + f * fieldWidth;
      double to = from + fieldWidth;
      for (int x = (int) from; x < to - 1e-9; x++) {
        double share = (Math.min(to, x + 1) - Math.max(from, x)) / fieldWidth;
        for (int y = 0; y < SIDE; y++) {
          fields[y * SIDE + f] += share * rows[y * width + x];
        }
      }
    }
    return fields;
  }

  /** As they are kept. */
  static byte[] bytes(double[] fields) {
    byte[] bytes = new byte[fields.length];
    for (int i = 0; i < fields.length; i++) {
      bytes[i] = (byte) Math.rint(fields[i]);
    }
    return bytes;
  }

  /** What was kept, after a cut. */
  static double[] of(byte[] kept, double[] cut) {
    double[] fields = new double[kept.length];
    for (int i = 0; i < fields.length; i++) {
      fields[i] = kept[i] & 255;
    }
    return cut == CUTS[0] ? fields : of(fields, SIDE, SIDE, SIDE, cut);
  }

  /**
   * How well the detail of two images agrees: the correlation of what differs from the mean of 7x7
   * fields around. Faces that are merely framed and lit alike agree in everything else.
   */
  static double agreement(double[] first, double[] second) {
    double[] a = detail(first);
    double[] b = detail(second);
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (int i = 0; i < a.length; i++) {
      ab += a[i] * b[i];
      aa += a[i] * a[i];
      bb += b[i] * b[i];
    }
    return aa * bb == 0 ? 0 : ab / Math.sqrt(aa * bb);
  }

  private static double[] detail(double[] fields) {
    double[] across = new double[fields.length];
    double[] detail = new double[fields.length];
    for (int i = 0; i < fields.length; i++) {
      across[i] = localMean(fields, i - i % SIDE, 1, i % SIDE);
    }
    for (int i = 0; i < fields.length; i++) {
      detail[i] = fields[i] - localMean(across, i % SIDE, SIDE, i / SIDE);
    }
    return detail;
  }

  /** Mean around a place in a line that begins at {@code start}. */
  private static double localMean(double[] values, int start, int step, int place) {
    int from = Math.max(0, place - REACH);
    int to = Math.min(SIDE - 1, place + REACH);
    double sum = 0;
    for (int i = from; i <= to; i++) {
      sum += values[start + i * step];
    }
    return sum / (to - from + 1);
  }
}
