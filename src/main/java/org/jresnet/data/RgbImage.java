package org.jresnet.data;

/**
 * Pixels of a picture.
 *
 * @param width columns
 * @param height rows
 * @param rgb {@code height·width·3} unsigned bytes, row by row, red first
 */
public record RgbImage(int width, int height, byte[] rgb) {
  /** Checks that the array has the size that width and height ask for. */
  public RgbImage {
    if (width < 1
        || height < 1
        || rgb.length != Math.multiplyExact(Math.multiplyExact(width, height), 3)) {
      throw new IllegalArgumentException(
          "a picture of " + width + "x" + height + " cannot have " + rgb.length + " bytes");
    }
  }

  /** The rectangle with its left upper corner at (left, top). */
  public RgbImage crop(int left, int top, int cropWidth, int cropHeight) {
    if (left < 0 || top < 0 || left + cropWidth > width || top + cropHeight > height) {
      throw new IllegalArgumentException(
          "crop "
              + cropWidth
              + "x"
              + cropHeight
              + "+"
              + left
              + "+"
              + top
              + " leaves "
              + width
              + "x"
              + height);
    }
    byte[] out = new byte[cropWidth * cropHeight * 3];
    for (int y = 0; y < cropHeight; y++) {
      System.arraycopy(rgb, ((top + y) * width + left) * 3, out, y * cropWidth * 3, cropWidth * 3);
    }
    return new RgbImage(cropWidth, cropHeight, out);
  }

  /** Left and right exchanged. */
  public RgbImage flipHorizontally() {
    byte[] out = new byte[rgb.length];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        System.arraycopy(rgb, (y * width + x) * 3, out, (y * width + width - 1 - x) * 3, 3);
      }
    }
    return new RgbImage(width, height, out);
  }
}
