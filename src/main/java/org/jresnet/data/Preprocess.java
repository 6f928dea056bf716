package org.jresnet.data;

import java.nio.file.Path;
import org.jresnet.base.JsonField;
import org.jresnet.base.UserError;

/**
 * How an image file becomes the network's input.
 *
 * @param size side of the square input in pixels
 * @param mode how the image is brought to that size
 * @param decoding how the file is decoded
 * @param scaling how much {@link Mode#CROP} cuts off, and how pixels are interpolated
 */
public record Preprocess(
    int size,
    Mode mode,
    @JsonField(whenAbsent = "{\"orientation\":\"IGNORE\",\"maxPixels\":178956970}")
        ImageDecoder.Options decoding,
    @JsonField(whenAbsent = "{\"resize\":256,\"crop\":224,\"interpolation\":\"BILINEAR\"}")
        Scaling scaling) {
  /** Ways to the input size. */
  public enum Mode {
    /** {@code Resize((size, size))}: the whole image, stretched. */
    STRETCH,
    /**
     * {@code Resize(size·resize/crop)} of the shorter side, then {@code CenterCrop(size)}:
     * torchvision's evaluation.
     */
    CROP
  }

  /** Checks the size. */
  public Preprocess {
    if (size < 1) {
      throw new UserError("size must be at least 1, found " + size);
    }
    // Runs of before there were options decoded like Pillow.
    decoding = decoding == null ? ImageDecoder.Options.DEFAULT : decoding;
  }

  /** Scaled as torchvision's most networks want it. */
  public Preprocess(int size, Mode mode, ImageDecoder.Options decoding) {
    this(size, mode, decoding, Scaling.DEFAULT);
  }

  /** Of files that are decoded as Pillow does. */
  public Preprocess(int size, Mode mode) {
    this(size, mode, ImageDecoder.Options.DEFAULT);
  }

  /** The same with another decoder of JPEG files. */
  public Preprocess withJpeg(JpegDecoder decoder) {
    return new Preprocess(size, mode, decoding.withJpeg(decoder), scaling);
  }

  /** The same for inputs of another size. */
  public Preprocess withSize(int other) {
    return new Preprocess(other, mode, decoding, scaling);
  }

  /**
   * Decodes a file and brings it to the input size.
   *
   * @throws BadImageException when it cannot be decoded
   */
  public RgbImage read(Path file) throws BadImageException {
    return apply(ImageDecoder.decode(file, decoding));
  }

  /** Pixels at the input size. */
  public RgbImage apply(RgbImage image) {
    if (mode == Mode.STRETCH) {
      return Resize.exactly(image, size, size, scaling.interpolation());
    }
    RgbImage larger = Resize.shorterSide(image, scaling.shorterSide(size), scaling.interpolation());
    return Resize.centerCrop(larger, size);
  }

  /**
   * The image at the size from which {@link #apply} goes on without resizing: it gives the same
   * pixels for the image and for this. An image that is not larger stays as it is.
   */
  public RgbImage reduce(RgbImage image) {
    if (mode == Mode.STRETCH) {
      return image.width() <= size && image.height() <= size
          ? image
          : Resize.exactly(image, size, size, scaling.interpolation());
    }
    int shorter = scaling.shorterSide(size);
    return Math.min(image.width(), image.height()) <= shorter
        ? image
        : Resize.shorterSide(image, shorter, scaling.interpolation());
  }

  /**
   * The part of an image that {@link #apply} keeps: left, top, width and height, in shares of the
   * image's width and height.
   */
  public double[] shown(int width, int height) {
    if (mode == Mode.STRETCH) {
      return new double[] {0, 0, 1, 1};
    }
    double scale = (double) scaling.shorterSide(size) / Math.min(width, height);
    double across = size / (scale * width);
    double down = size / (scale * height);
    return new double[] {(1 - across) / 2, (1 - down) / 2, across, down};
  }
}
