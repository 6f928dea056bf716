package org.jresnet.data;

import org.jresnet.base.Interpolation;

/**
 * Pillow's resize with antialiasing, byte for byte ({@code Image.resize((w, h), BILINEAR)} or
 * {@code BICUBIC}, which torchvision's {@code Resize} uses on PIL images): a horizontal and a
 * vertical pass in 22-bit fixed point, each rounded and clamped to 8 bits; a pass whose side stays
 * the same is left out. The vertical pass comes first for an image that is more than 100 times as
 * high as wide and gets lower.
 */
public final class Resize {
  private static final int PRECISION_BITS = 32 - 8 - 2;
  private static final int HALF = 1 << (PRECISION_BITS - 1);

  /** Pillow's {@code Image.resize} takes the vertical pass first from this aspect on. */
  private static final int VERY_TALL = 100;

  private Resize() {}

  /**
   * For every output position: where its window starts, how long it is, and its fixed-point
   * weights.
   */
  private record Filter(int[] start, int[] length, int[] weights, int stride) {
    static Filter of(Interpolation interpolation, int in, int out) {
      double ratio = (double) in / out;
      double scale = Math.max(ratio, 1);
      double reach = scale * (interpolation == Interpolation.BILINEAR ? 1 : 2);
      int stride = (int) Math.ceil(reach) * 2 + 1;
      int[] start = new int[out];
      int[] length = new int[out];
      int[] weights = new int[out * stride];
      double[] window = new double[stride];
      for (int i = 0; i < out; i++) {
        double centre = (i + 0.5) * ratio;
        int first = Math.max((int) (centre - reach + 0.5), 0);
        int count = Math.min((int) (centre + reach + 0.5), in) - first;
        double sum = 0;
        for (int j = 0; j < count; j++) {
          double distance = Math.abs((first + j - centre + 0.5) * (1 / scale));
          window[j] =
              switch (interpolation) {
                case BILINEAR -> Math.max(1 - distance, 0);
                case BICUBIC -> cubic(distance);
              };
          sum += window[j];
        }
        for (int j = 0; j < count; j++) {
          double exact = window[j] / sum * (1 << PRECISION_BITS);
          weights[i * stride + j] = (int) (exact < 0 ? exact - 0.5 : exact + 0.5);
        }
        start[i] = first;
        length[i] = count;
      }
      return new Filter(start, length, weights, stride);
    }

    /** Keys' convolution kernel with a = −0.5 at a distance in pixels. */
    private static double cubic(double x) {
      double a = -0.5;
      if (x < 1) {
        return ((a + 2) * x - (a + 3)) * x * x + 1;
      }
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    }
  }

  /** The image at exactly that size, whatever its aspect. */
  public static RgbImage bilinear(RgbImage image, int width, int height) {
    return exactly(image, width, height, Interpolation.BILINEAR);
  }

  /** The image at exactly that size, whatever its aspect. */
  public static RgbImage exactly(RgbImage image, int width, int height, Interpolation how) {
    if (image.height() > VERY_TALL * image.width() && height < image.height()) {
      return across(down(image, height, how), width, how);
    }
    return down(across(image, width, how), height, how);
  }

  private static RgbImage across(RgbImage image, int width, Interpolation how) {
    return width == image.width()
        ? image
        : horizontal(image, width, Filter.of(how, image.width(), width));
  }

  private static RgbImage down(RgbImage image, int height, Interpolation how) {
    return height == image.height()
        ? image
        : vertical(image, height, Filter.of(how, image.height(), height));
  }

  /**
   * The image with its shorter side at {@code size} and the longer one in proportion, cut off, as
   * torchvision's {@code Resize(int)}.
   */
  public static RgbImage shorterSide(RgbImage image, int size, Interpolation how) {
    int shorter = Math.min(image.width(), image.height());
    int longer = (int) ((long) size * Math.max(image.width(), image.height()) / shorter);
    return image.width() <= image.height()
        ? exactly(image, size, longer, how)
        : exactly(image, longer, size, how);
  }

  /**
   * The middle of the image with torchvision's rounding (half to even); the image must be large
   * enough.
   */
  public static RgbImage centerCrop(RgbImage image, int size) {
    int left = (int) Math.rint((image.width() - size) / 2.0);
    int top = (int) Math.rint((image.height() - size) / 2.0);
    return image.crop(left, top, size, size);
  }

  private static RgbImage horizontal(RgbImage image, int width, Filter filter) {
    byte[] in = image.rgb();
    byte[] out = new byte[image.height() * width * 3];
    for (int y = 0; y < image.height(); y++) {
      int row = y * image.width() * 3;
      for (int x = 0; x < width; x++) {
        int red = HALF;
        int green = HALF;
        int blue = HALF;
        int from = row + filter.start[x] * 3;
        int weight = x * filter.stride;
        for (int j = 0; j < filter.length[x]; j++, from += 3) {
          int w = filter.weights[weight + j];
          red += (in[from] & 255) * w;
          green += (in[from + 1] & 255) * w;
          blue += (in[from + 2] & 255) * w;
        }
        int at = (y * width + x) * 3;
        out[at] = clamp(red);
        out[at + 1] = clamp(green);
        out[at + 2] = clamp(blue);
      }
    }
    return new RgbImage(width, image.height(), out);
  }

  private static RgbImage vertical(RgbImage image, int height, Filter filter) {
    int row = image.width() * 3;
    byte[] in = image.rgb();
    byte[] out = new byte[height * row];
    int[] sums = new int[row];
    for (int y = 0; y < height; y++) {
      java.util.Arrays.fill(sums, HALF);
      for (int j = 0; j < filter.length[y]; j++) {
        int w = filter.weights[y * filter.stride + j];
        int from = (filter.start[y] + j) * row;
        for (int i = 0; i < row; i++) {
          sums[i] += (in[from + i] & 255) * w;
        }
      }
      for (int i = 0; i < row; i++) {
        out[y * row + i] = clamp(sums[i]);
      }
    }
    return new RgbImage(image.width(), height, out);
  }

  private static byte clamp(int sum) {
    return (byte) Math.max(0, Math.min(255, sum >> PRECISION_BITS));
  }
}
