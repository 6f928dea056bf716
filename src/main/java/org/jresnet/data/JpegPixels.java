package org.jresnet.data;

import java.awt.image.ComponentSampleModel;
import java.awt.image.DataBufferByte;
import java.awt.image.Raster;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * From the components that a JPEG file stores to RGB, by libjpeg's integer arithmetic ({@code
 * jdcolor.c}) and Pillow's ({@code Convert.c} for CMYK).
 *
 * <p>ImageIO would do it too, but guesses the meaning of the components by other rules than libjpeg
 * and applies colour profiles, which Pillow does not.
 */
final class JpegPixels {
  private enum Coding {
    GREY,
    YCC,
    RGB,
    CMYK,
    YCCK
  }

  /** Sampling factors 1x2, 1x1, 1x1: 4:4:0. */
  private static final int[] HALF_HEIGHT = {0x12, 0x11, 0x11};

  private static final int BITS = 16;
  private static final int HALF = 1 << (BITS - 1);
  private static final int RED_OF_CR = fixed(1.402);
  private static final int GREEN_OF_CR = fixed(0.71414);
  private static final int GREEN_OF_CB = fixed(0.34414);
  private static final int BLUE_OF_CB = fixed(1.772);

  private final Coding coding;
  private final boolean halfHeight;

  private JpegPixels(Coding coding, boolean halfHeight) {
    this.coding = coding;
    this.halfHeight = halfHeight;
  }

  private static int fixed(double x) {
    return (int) (x * (1 << BITS) + 0.5);
  }

  /**
   * Reads what the components mean.
   *
   * @throws BadImageException when the coding is neither baseline nor progressive
   */
  static JpegPixels of(Path name, JpegHeader header) throws BadImageException {
    if (header.frame() > 0xC2) {
      throw new BadImageException(
          name,
          String.format(
              "is a lossless, hierarchical or arithmetic-coded JPEG (SOF %02X); expected a"
                  + " baseline or progressive one, save it again as such or as PNG",
              header.frame()));
    }
    int[] sampling =
        header.components().stream().mapToInt(JpegHeader.Component::sampling).toArray();
    int adobe = header.adobe();
    return new JpegPixels(
        switch (header.components().size()) {
          case 1 -> Coding.GREY;
          case 3 -> header.storesRgb() ? Coding.RGB : Coding.YCC;
          case 4 -> adobe < 0 || adobe == 0 ? Coding.CMYK : Coding.YCCK;
          default ->
              throw new BadImageException(
                  name, "has " + sampling.length + " JPEG components, expected 1, 3 or 4");
        },
        Arrays.equals(sampling, HALF_HEIGHT));
  }

  /** Converts stored components (bytes, interleaved) to RGB. */
  RgbImage rgb(Path name, Raster raster) throws BadImageException {
    int bands = coding == Coding.GREY ? 1 : coding == Coding.CMYK || coding == Coding.YCCK ? 4 : 3;
    if (raster.getNumBands() != bands
        || !(raster.getSampleModel() instanceof ComponentSampleModel model)
        || !(raster.getDataBuffer() instanceof DataBufferByte buffer)
        || model.getPixelStride() != bands
        || model.getScanlineStride() != bands * raster.getWidth()) {
      throw new BadImageException(
          name, "is corrupt: its JPEG frame and its scan disagree on the components");
    }
    byte[] in = buffer.getData();
    if (halfHeight) {
      smoothRepeatedRows(in, raster.getWidth(), raster.getHeight());
    }
    int size = Math.multiplyExact(raster.getWidth() * raster.getHeight(), 3);
    // Nobody else holds the raster: three components are converted where they are.
    byte[] out = bands == 3 && in.length == size ? in : new byte[size];
    switch (coding) {
      case GREY -> grey(in, out);
      case RGB -> System.arraycopy(in, 0, out, 0, size);
      case YCC -> ycc(in, out);
      case CMYK -> cmyk(in, out);
      case YCCK -> ycck(in, out);
    }
    return new RgbImage(raster.getWidth(), raster.getHeight(), out);
  }

  /**
   * Interpolates chroma of half height as {@code h1v2_fancy_upsample} of libjpeg-turbo does (and so
   * Pillow). The libjpeg that most JDKs bring along repeats each row instead; some JDKs use the
   * system's libjpeg-turbo, and then there is nothing left to do.
   */
  private static void smoothRepeatedRows(byte[] in, int width, int height) {
    int stride = 3 * width;
    for (int row = 0; row + 1 < height; row += 2) {
      for (int x = 0; x < stride; x++) {
        if (x % 3 != 0 && in[row * stride + x] != in[(row + 1) * stride + x]) {
          return;
        }
      }
    }
    byte[] above = Arrays.copyOf(in, stride);
    for (int row = 0; row < height; row += 2) {
      byte[] here = Arrays.copyOfRange(in, row * stride, (row + 1) * stride);
      boolean last = row + 2 >= height;
      for (int x = 0; x < stride; x++) {
        if (x % 3 != 0) {
          int three = 3 * (here[x] & 255);
          int next = (last ? here[x] : in[(row + 2) * stride + x]) & 255;
          in[row * stride + x] = (byte) ((three + (above[x] & 255) + 1) >> 2);
          if (row + 1 < height) {
            in[(row + 1) * stride + x] = (byte) ((three + next + 2) >> 2);
          }
        }
      }
      above = here;
    }
  }

  private static void grey(byte[] in, byte[] out) {
    for (int i = 0, o = 0; o < out.length; i++, o += 3) {
      out[o] = in[i];
      out[o + 1] = in[i];
      out[o + 2] = in[i];
    }
  }

  private static void ycc(byte[] in, byte[] out) {
    for (int i = 0; i < out.length; i += 3) {
      int y = in[i] & 255;
      int cb = (in[i + 1] & 255) - 128;
      int cr = (in[i + 2] & 255) - 128;
      out[i] = (byte) red(y, cr);
      out[i + 1] = (byte) green(y, cb, cr);
      out[i + 2] = (byte) blue(y, cb);
    }
  }

  private static int red(int y, int cr) {
    return clamp(y + ((RED_OF_CR * cr + HALF) >> BITS));
  }

  private static int green(int y, int cb, int cr) {
    return clamp(y + ((-GREEN_OF_CB * cb + HALF - GREEN_OF_CR * cr) >> BITS));
  }

  private static int blue(int y, int cb) {
    return clamp(y + ((BLUE_OF_CB * cb + HALF) >> BITS));
  }

  private static int clamp(int v) {
    return Math.max(0, Math.min(255, v));
  }

  /** Pillow takes all four as inverted, as Adobe writes them. */
  private static void cmyk(byte[] in, byte[] out) {
    for (int i = 0, o = 0; o < out.length; i += 4, o += 3) {
      int k = in[i + 3] & 255;
      out[o] = ink(k, 255 - (in[i] & 255));
      out[o + 1] = ink(k, 255 - (in[i + 1] & 255));
      out[o + 2] = ink(k, 255 - (in[i + 2] & 255));
    }
  }

  private static void ycck(byte[] in, byte[] out) {
    for (int i = 0, o = 0; o < out.length; i += 4, o += 3) {
      int y = in[i] & 255;
      int cb = (in[i + 1] & 255) - 128;
      int cr = (in[i + 2] & 255) - 128;
      int k = in[i + 3] & 255;
      out[o] = ink(k, red(y, cr));
      out[o + 1] = ink(k, green(y, cb, cr));
      out[o + 2] = ink(k, blue(y, cb));
    }
  }

  /** Turns amounts of three inks into red, green and blue beside black. */
  static void inked(byte[] cmy, int at, int notBlack) {
    for (int i = at; i < at + 3; i++) {
      cmy[i] = ink(notBlack, cmy[i] & 255);
    }
  }

  /** White that is left after black and one ink: {@code nk - MULDIV255(c, nk)}. */
  private static byte ink(int notBlack, int c) {
    int product = c * notBlack + 128;
    return (byte) (notBlack - (((product >> 8) + product) >> 8));
  }
}
