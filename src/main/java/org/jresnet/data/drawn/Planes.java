package org.jresnet.data.drawn;

import java.awt.image.BufferedImage;
import org.jresnet.data.RgbImage;

/** A square picture as three planes of linear light between 0 and 1. */
record Planes(int side, float[][] rgb) {
  Planes(int side) {
    this(side, new float[3][side * side]);
  }

  /**
   * Box-averages a picture whose side is a multiple of {@code side}, after undoing the display
   * gamma.
   */
  static Planes of(BufferedImage image, int side) {
    int factor = image.getWidth() / side;
    Planes out = new Planes(side);
    int[] row = new int[image.getWidth()];
    float share = 1f / (factor * factor);
    for (int y = 0; y < side * factor; y++) {
      image.getRGB(0, y, row.length, 1, row, 0, row.length);
      for (int x = 0; x < side * factor; x++) {
        int at = y / factor * side + x / factor;
        out.rgb[0][at] += LINEAR[row[x] >> 16 & 255] * share;
        out.rgb[1][at] += LINEAR[row[x] >> 8 & 255] * share;
        out.rgb[2][at] += LINEAR[row[x] & 255] * share;
      }
    }
    return out;
  }

  private static final float[] LINEAR = new float[256];

  static {
    for (int i = 0; i < 256; i++) {
      LINEAR[i] = (float) Math.pow(i / 255.0, 2.2);
    }
  }

  /** Half the side, box-averaged. */
  Planes half() {
    Planes out = new Planes(side / 2);
    for (int c = 0; c < 3; c++) {
      for (int y = 0; y < out.side; y++) {
        for (int x = 0; x < out.side; x++) {
          out.rgb[c][y * out.side + x] =
              (at(c, 2 * x, 2 * y)
                      + at(c, 2 * x + 1, 2 * y)
                      + at(c, 2 * x, 2 * y + 1)
                      + at(c, 2 * x + 1, 2 * y + 1))
                  / 4;
        }
      }
    }
    return out;
  }

  /** A value, edges repeated. */
  float at(int c, int x, int y) {
    return rgb[c][Math.max(0, Math.min(side - 1, y)) * side + Math.max(0, Math.min(side - 1, x))];
  }

  /** Back to display gamma and bytes. */
  RgbImage toImage() {
    byte[] out = new byte[side * side * 3];
    for (int i = 0; i < side * side; i++) {
      for (int c = 0; c < 3; c++) {
        double v = Math.pow(Math.max(0, Math.min(1, rgb[c][i])), 1 / 2.2);
        out[i * 3 + c] = (byte) Math.round(v * 255);
      }
    }
    return new RgbImage(side, side, out);
  }
}
