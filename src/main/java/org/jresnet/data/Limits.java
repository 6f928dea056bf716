package org.jresnet.data;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;

/**
 * What is refused before any pixel is decoded, because it would cost time or memory out of all
 * proportion to the file.
 *
 * <p>Images of up to {@link #ORDINARY} pixels are decoded whatever they show. Larger ones must have
 * a byte for so many pixels as {@link Format#mostPixelsPerByte()} says. Measured with Pillow's
 * encoders on 48 megapixels: a blurred gradient at quality 1 has 107 pixels per byte as JPEG, 284
 * as WebP, 5 as PNG; one single colour has 170, 586 and 316 (1319 as GIF). A photograph has far
 * fewer.
 */
final class Limits {
  /** What most cameras deliver. */
  static final long ORDINARY = 25_000_000;

  private static final double MEGABYTE = 1 << 20;

  private Limits() {}

  /**
   * Checks size against limit and file.
   *
   * @throws BadImageException when it has too many pixels
   */
  static void check(Path name, Format format, ImageInfo info, long maxPixels)
      throws BadImageException {
    long pixels = info.pixels();
    String found = "has " + info.width() + "x" + info.height() + " pixels, more than ";
    if (pixels > maxPixels) {
      throw new BadImageException(name, found + "the limit of " + maxPixels + " (--max-pixels)");
    }
    if (pixels > ORDINARY && pixels / format.mostPixelsPerByte() > info.bytes()) {
      throw new BadImageException(
          name,
          found
              + info.bytes()
              + " bytes of "
              + format
              + " can hold of a photograph; it is damaged or made to exhaust time and memory."
              + " If you need it, make it smaller than 25 megapixels");
    }
  }

  /**
   * Bytes of Java's and native memory that decoding takes at its peak: the file, the samples as
   * stored, the result.
   */
  static long memory(Format format, ImageInfo info, Head head, JpegHeader jpeg) throws IOException {
    double perPixel =
        switch (format) {
          case JPEG -> jpegBytes(jpeg);
          case PNG -> 3 + head.u8(24) / 8.0 * pngChannels(head.u8(25));
          case WEBP -> 11;
          case GIF -> 7;
          case BMP -> 7;
          case TIFF -> 11;
          case PPM -> 3;
        };
    return (long) (info.pixels() * perPixel) + info.bytes();
  }

  /** Three components become RGB in place; a progressive file's coefficients are kept, too. */
  private static double jpegBytes(JpegHeader jpeg) {
    int n = jpeg.components().size();
    double bytes = n == 3 ? 3 : n + 3;
    if (jpeg.frame() == 0xC2) {
      int largest = jpeg.components().stream().mapToInt(c -> c.across() * c.down()).max().orElse(1);
      for (JpegHeader.Component c : jpeg.components()) {
        bytes += 2.0 * c.across() * c.down() / Math.max(1, largest);
      }
    }
    return bytes;
  }

  private static int pngChannels(int colourType) {
    return switch (colourType) {
      case 2 -> 3;
      case 4 -> 2;
      case 6 -> 4;
      default -> 1;
    };
  }

  /** What decoding may take at any time: three quarters of the heap. */
  static long budget() {
    return Runtime.getRuntime().maxMemory() / 4 * 3;
  }

  static BadImageException tooMuchMemory(Path name, ImageInfo info, long needed) {
    return new BadImageException(
        name,
        String.format(
            Locale.ROOT,
            "with its %dx%d pixels takes %.0f MB to decode, and Java may use %.0f MB for it; allow"
                + " more with JRESNET_OPTS=-Xmx8g, or make the image smaller",
            info.width(),
            info.height(),
            needed / MEGABYTE,
            budget() / MEGABYTE));
  }
}
