package org.jresnet.data;

import org.jresnet.base.JsonField;
import org.jresnet.base.UserError;

/**
 * How an image file becomes the network's input.
 *
 * @param size side of the square input in pixels
 * @param mode how the image is brought to that size
 * @param decoding how the file is decoded
 */
public record Preprocess(
    int size,
    Mode mode,
    @JsonField(whenAbsent = "{\"orientation\":\"IGNORE\",\"maxPixels\":178956970}")
        ImageDecoder.Options decoding) {
  /** Ways to the input size. */
  public enum Mode {
    /** {@code Resize((size, size))}: the whole picture, stretched. */
    STRETCH,
    /**
     * {@code Resize(size·256/224)} of the shorter side, then {@code CenterCrop(size)}:
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

  /** Of files that are decoded as Pillow does. */
  public Preprocess(int size, Mode mode) {
    this(size, mode, ImageDecoder.Options.DEFAULT);
  }

  /** Pixels at the input size. */
  public RgbImage apply(RgbImage image) {
    if (mode == Mode.STRETCH) {
      return Resize.bilinear(image, size, size);
    }
    return Resize.centerCrop(
        Resize.shorterSide(image, Math.max(size, Math.round(size * 256f / 224))), size);
  }
}
