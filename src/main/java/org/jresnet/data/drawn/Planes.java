package org.jresnet.data.drawn;

import java.awt.image.BufferedImage;
import org.jresnet.data.RgbImage;

/** A square image as three planes of linear light between 0 and 1. */
record Planes(int side, float[][] rgb) {
  private static final double GAMMA = 2.2;
  private static final float[] LINEAR = new float[256];

  /** Bytes of linear light in steps of 1/65535. */
  private static final byte[] DISPLAY = new byte[1 << 16];

  static {
    for (int i = 0; i < LINEAR.length; i++) {
      LINEAR[i] = (float) Math.pow(i / 255.0, GAMMA);
    }
    for (int i = 0; i < DISPLAY.length; i++) {
      DISPLAY[i] = (byte) Math.round(255 * Math.pow(i / 65535.0, 1 / GAMMA));
    }
  }

  Planes(int side) {
    this(side, new float[3][side * side]);
  }

  /**
   * Box-averages an image whose side is a multiple of {@code side}, after undoing the display
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

  /** The binomial mean (1, 2, 1) x (1, 2, 1) around a value. */
  float blurred(int c, int x, int y) {
    float[] plane = rgb[c];
    int left = Math.max(0, x - 1);
    int right = Math.min(side - 1, x + 1);
    int up = Math.max(0, y - 1) * side;
    int here = y * side;
    int down = Math.min(side - 1, y + 1) * side;
    return (plane[up + left]
            + plane[up + right]
            + plane[down + left]
            + plane[down + right]
            + 2 * (plane[up + x] + plane[down + x] + plane[here + left] + plane[here + right])
            + 4 * plane[here + x])
        / 16;
  }

  /** Back to display gamma and bytes. */
  RgbImage toImage() {
    byte[] out = new byte[side * side * 3];
    for (int c = 0; c < 3; c++) {
      for (int i = 0; i < side * side; i++) {
        out[i * 3 + c] = DISPLAY[Math.round(65535 * Math.max(0, Math.min(1, rgb[c][i])))];
      }
    }
    return new RgbImage(side, side, out);
  }
}
