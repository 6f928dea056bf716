package org.jresnet.data;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.SplittableRandom;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;

/**
 * Random changes of training pictures. JPEG re-compression and blur teach a detector of generated
 * pictures not to lean on traces that any re-encoding destroys (Wang et al. 2020, <a
 * href="https://arxiv.org/abs/1912.11035">arXiv:1912.11035 </a>).
 *
 * @param flip probability of a horizontal flip
 * @param cropScale smallest share of the area that a random resized crop keeps; 1 switches it off
 * @param jpeg probability of re-compression with a quality of 60 to 95
 * @param blur probability of a Gaussian blur with a sigma of 0.1 to 2 pixels
 */
public record Augmentation(double flip, double cropScale, double jpeg, double blur) {
  /** Nothing changes. */
  public static final Augmentation NONE = new Augmentation(0, 1, 0, 0);

  private static final int MIN_QUALITY = 60;
  private static final int MAX_QUALITY = 95;
  private static final double MIN_SIGMA = 0.1;
  private static final double MAX_SIGMA = 2;
  private static final double MIN_RATIO = 3.0 / 4;
  private static final double MAX_RATIO = 4.0 / 3;
  private static final int CROP_TRIES = 10;

  /** Checks that probabilities are probabilities. */
  public Augmentation {
    if (!(flip >= 0 && flip <= 1 && jpeg >= 0 && jpeg <= 1 && blur >= 0 && blur <= 1)) {
      throw new IllegalArgumentException(
          "probabilities lie between 0 and 1, found flip "
              + flip
              + ", jpeg "
              + jpeg
              + ", blur "
              + blur);
    }
    if (!(cropScale > 0 && cropScale <= 1)) {
      throw new IllegalArgumentException("the crop scale lies in (0, 1], found " + cropScale);
    }
  }

  /** Changes a decoded picture and brings it to the input size. */
  public RgbImage apply(RgbImage image, Preprocess preprocess, SplittableRandom random) {
    RgbImage out = image;
    if (random.nextDouble() < blur) {
      out = blur(out, MIN_SIGMA + random.nextDouble() * (MAX_SIGMA - MIN_SIGMA));
    }
    if (random.nextDouble() < jpeg) {
      out = recompress(out, MIN_QUALITY + random.nextInt(MAX_QUALITY - MIN_QUALITY + 1));
    }
    out = cropScale < 1 ? randomResizedCrop(out, preprocess.size(), random) : preprocess.apply(out);
    return random.nextDouble() < flip ? out.flipHorizontally() : out;
  }

  /**
   * torchvision's RandomResizedCrop: ten tries for an area and a ratio, then the largest centred
   * crop.
   */
  private RgbImage randomResizedCrop(RgbImage image, int size, SplittableRandom random) {
    double area = (double) image.width() * image.height();
    for (int i = 0; i < CROP_TRIES; i++) {
      double target = area * (cropScale + random.nextDouble() * (1 - cropScale));
      double log =
          Math.log(MIN_RATIO) + random.nextDouble() * (Math.log(MAX_RATIO) - Math.log(MIN_RATIO));
      double ratio = Math.exp(log);
      int width = (int) Math.rint(Math.sqrt(target * ratio));
      int height = (int) Math.rint(Math.sqrt(target / ratio));
      if (width > 0 && width <= image.width() && height > 0 && height <= image.height()) {
        int top = random.nextInt(image.height() - height + 1);
        int left = random.nextInt(image.width() - width + 1);
        return Resize.bilinear(image.crop(left, top, width, height), size, size);
      }
    }
    double ratio = (double) image.width() / image.height();
    int width = ratio > MAX_RATIO ? (int) Math.rint(image.height() * MAX_RATIO) : image.width();
    int height = ratio < MIN_RATIO ? (int) Math.rint(image.width() / MIN_RATIO) : image.height();
    RgbImage crop =
        image.crop((image.width() - width) / 2, (image.height() - height) / 2, width, height);
    return Resize.bilinear(crop, size, size);
  }

  /** Separable Gaussian, cut off at three sigma, edges repeated, rounded after each direction. */
  static RgbImage blur(RgbImage image, double sigma) {
    int radius = Math.max(1, (int) Math.ceil(3 * sigma));
    double[] kernel = new double[2 * radius + 1];
    double sum = 0;
    for (int i = -radius; i <= radius; i++) {
      kernel[i + radius] = Math.exp(-i * i / (2 * sigma * sigma));
      sum += kernel[i + radius];
    }
    float[] weights = new float[kernel.length];
    for (int i = 0; i < kernel.length; i++) {
      weights[i] = (float) (kernel[i] / sum);
    }
    byte[] across = convolve(image.rgb(), image, weights, 1, 0);
    return new RgbImage(image.width(), image.height(), convolve(across, image, weights, 0, 1));
  }

  private static byte[] convolve(byte[] in, RgbImage size, float[] weights, int dx, int dy) {
    int radius = weights.length / 2;
    byte[] out = new byte[in.length];
    for (int y = 0; y < size.height(); y++) {
      for (int x = 0; x < size.width(); x++) {
        float red = 0.5f;
        float green = 0.5f;
        float blue = 0.5f;
        for (int j = -radius; j <= radius; j++) {
          int fromX = Math.max(0, Math.min(size.width() - 1, x + j * dx));
          int fromY = Math.max(0, Math.min(size.height() - 1, y + j * dy));
          int from = (fromY * size.width() + fromX) * 3;
          float w = weights[j + radius];
          red += (in[from] & 255) * w;
          green += (in[from + 1] & 255) * w;
          blue += (in[from + 2] & 255) * w;
        }
        int at = (y * size.width() + x) * 3;
        out[at] = (byte) Math.min(255, (int) red);
        out[at + 1] = (byte) Math.min(255, (int) green);
        out[at + 2] = (byte) Math.min(255, (int) blue);
      }
    }
    return out;
  }

  /** Through a JPEG encoder (4:2:0) and back. */
  static RgbImage recompress(RgbImage image, int quality) {
    try {
      return ImageDecoder.decode(Path.of("re-compressed picture"), jpeg(image, quality));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The picture as a JPEG file of the given quality (1 to 100, 4:2:0). */
  public static byte[] jpeg(RgbImage image, int quality) throws IOException {
    BufferedImage buffered =
        new BufferedImage(image.width(), image.height(), BufferedImage.TYPE_INT_RGB);
    int[] row = new int[image.width()];
    for (int y = 0; y < image.height(); y++) {
      for (int x = 0; x < image.width(); x++) {
        int at = (y * image.width() + x) * 3;
        row[x] =
            (image.rgb()[at] & 255) << 16
                | (image.rgb()[at + 1] & 255) << 8
                | image.rgb()[at + 2] & 255;
      }
      buffered.setRGB(0, y, image.width(), 1, row, 0, image.width());
    }
    ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ImageOutputStream stream = ImageIO.createImageOutputStream(bytes)) {
      ImageWriteParam parameters = writer.getDefaultWriteParam();
      parameters.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
      parameters.setCompressionQuality(quality / 100f);
      writer.setOutput(stream);
      writer.write(null, new IIOImage(buffered, null, null), parameters);
    } finally {
      writer.dispose();
    }
    return bytes.toByteArray();
  }
}
