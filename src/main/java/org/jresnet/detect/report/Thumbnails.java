package org.jresnet.detect.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Optional;
import org.jresnet.data.Augmentation;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.Resize;
import org.jresnet.data.RgbImage;

/** Small copies of images. */
public final class Thumbnails {
  private static final int SIDE = 112;
  private static final int QUALITY = 85;

  private Thumbnails() {}

  /**
   * The middle of an image as a small JPEG.
   *
   * @throws IOException when it is gone or cannot be decoded
   */
  public static byte[] jpeg(Path file) throws IOException {
    RgbImage image = ImageDecoder.decode(file);
    int side = Math.min(image.width(), image.height());
    RgbImage square = Resize.bilinear(Resize.centerCrop(image, side), SIDE, SIDE);
    return Augmentation.jpeg(square, QUALITY);
  }

  /** The same as a {@code data:} address; empty when it is gone or cannot be decoded. */
  static Optional<String> of(Path file) {
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          "data:image/jpeg;base64," + Base64.getEncoder().encodeToString(jpeg(file)));
    } catch (IOException e) {
      // The caption says that the image cannot be shown.
      return Optional.empty();
    }
  }

  /** A PNG file as it is. */
  static String png(Path file) throws IOException {
    return "data:image/png;base64," + Base64.getEncoder().encodeToString(Files.readAllBytes(file));
  }
}
