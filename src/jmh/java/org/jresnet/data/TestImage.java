package org.jresnet.data;

/** An image to measure with, about as hard to compress as a photo. */
final class TestImage {
  /** Columns and rows. */
  static final int SIDE = 1024;

  private TestImage() {}

  /** Colour gradients, steeper towards the lower right corner, under four bits of noise. */
  static RgbImage make() {
    byte[] rgb = new byte[SIDE * SIDE * 3];
    for (int y = 0, at = 0; y < SIDE; y++) {
      for (int x = 0; x < SIDE; x++) {
        int noise = (x * 73_856_093 ^ y * 19_349_663) * 0x9E3779B1 >>> 28;
        for (int c = 0; c < 3; c++, at++) {
          int ramp = (x * x + (c + 1) * y * y) >> 11 & 511;
          rgb[at] = (byte) (Math.min(ramp, 511 - ramp) * 15 / 16 + noise);
        }
      }
    }
    return new RgbImage(SIDE, SIDE, rgb);
  }
}
