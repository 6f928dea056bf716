package org.jresnet.data;

import java.awt.image.BufferedImage;
import java.awt.image.DataBufferInt;

/**
 * Pixels of an image.
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
          "an image of " + width + "x" + height + " cannot have " + rgb.length + " bytes");
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

  /** At (left, top) of a black image of that size, into which it must fit. */
  RgbImage onBlack(int outWidth, int outHeight, int left, int top) {
    if (left + width > outWidth || top + height > outHeight) {
      throw new IllegalArgumentException(
          String.format(
              "%dx%d+%d+%d does not lie inside %dx%d",
              width, height, left, top, outWidth, outHeight));
    }
    byte[] out = new byte[outWidth * outHeight * 3];
    for (int y = 0; y < height; y++) {
      System.arraycopy(rgb, y * width * 3, out, ((top + y) * outWidth + left) * 3, width * 3);
    }
    return new RgbImage(outWidth, outHeight, out);
  }

  /** Left and right exchanged. */
  public RgbImage flipHorizontally() {
    byte[] out = new byte[rgb.length];
    for (int y = 0; y < height; y++) {
      int to = (y + 1) * width * 3;
      for (int from = y * width * 3; from < (y + 1) * width * 3; from += 3) {
        to -= 3;
        // A copy of three bytes by a call takes longer.
        out[to] = rgb[from];
        out[to + 1] = rgb[from + 1];
        out[to + 2] = rgb[from + 2];
      }
    }
    return new RgbImage(width, height, out);
  }

  /** The same pixels for Java's drawing and encoders. */
  public BufferedImage toBuffered() {
    BufferedImage out = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    int[] pixels = ((DataBufferInt) out.getRaster().getDataBuffer()).getData();
    for (int i = 0, at = 0; i < pixels.length; i++, at += 3) {
      pixels[i] = (rgb[at] & 255) << 16 | (rgb[at + 1] & 255) << 8 | rgb[at + 2] & 255;
    }
    return out;
  }

  /** Applies EXIF orientation 1 to 8 (Exif 2.32, table 6). */
  RgbImage upright(int orientation) {
    if (orientation < 2 || orientation > 8) {
      return this;
    }
    boolean turned = orientation >= 5;
    int outWidth = turned ? height : width;
    int outHeight = turned ? width : height;
    byte[] out = new byte[rgb.length];
    for (int y = 0; y < outHeight; y++) {
      for (int x = 0; x < outWidth; x++) {
        int right = outWidth - 1 - x;
        int down = outHeight - 1 - y;
        int fromX =
            switch (orientation) {
              case 2, 3 -> right;
              case 4 -> x;
              case 5, 6 -> y;
              default -> down;
            };
        int fromY =
            switch (orientation) {
              case 2 -> y;
              case 3, 4 -> down;
              case 5, 8 -> x;
              default -> right;
            };
        System.arraycopy(rgb, (fromY * width + fromX) * 3, out, (y * outWidth + x) * 3, 3);
      }
    }
    return new RgbImage(outWidth, outHeight, out);
  }
}
