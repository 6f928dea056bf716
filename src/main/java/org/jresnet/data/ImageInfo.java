package org.jresnet.data;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.apache.commons.imaging.ImageFormat;
import org.apache.commons.imaging.Imaging;
import org.apache.commons.imaging.common.ImageMetadata;
import org.apache.commons.imaging.formats.jpeg.JpegImageMetadata;
import org.apache.commons.imaging.formats.png.PngImageMetadata;
import org.apache.commons.imaging.formats.tiff.TiffField;
import org.apache.commons.imaging.formats.tiff.TiffImageMetadata;
import org.apache.commons.imaging.formats.tiff.constants.TiffTagConstants;
import org.apache.commons.imaging.formats.webp.WebPImageMetadata;

/**
 * What a picture file says about itself; pixels are not decoded.
 *
 * @param format JPEG, PNG, WEBP, BMP or GIF, by its first bytes
 * @param width columns as stored
 * @param height rows as stored
 * @param orientation EXIF orientation, 1 to 8; 1 is upright
 * @param colorProfile bytes of the embedded ICC profile, 0 without one
 */
public record ImageInfo(String format, int width, int height, int orientation, int colorProfile) {
  /**
   * Reads the header of a picture file.
   *
   * @throws BadImageException as {@link ImageDecoder#decode(Path)}
   */
  public static ImageInfo read(Path file) throws BadImageException {
    byte[] bytes = ImageDecoder.read(file);
    ImageFormat format = ImageDecoder.format(file, bytes);
    try {
      var size = Imaging.getImageSize(bytes);
      if (size == null) {
        throw new BadImageException(file, "is corrupt: its header has no size");
      }
      return new ImageInfo(
          format.getName(), size.width, size.height, orientation(bytes), profile(bytes));
    } catch (BadImageException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw new BadImageException(file, "has a corrupt header: " + e.getMessage(), e);
    }
  }

  private static int profile(byte[] bytes) {
    try {
      byte[] profile = Imaging.getIccProfileBytes(bytes);
      return profile == null ? 0 : profile.length;
    } catch (IOException | RuntimeException e) {
      // A broken profile is as good as none: it is never applied.
      return 0;
    }
  }

  /** The EXIF orientation, 1 where there is none. */
  static int orientation(byte[] bytes) {
    try {
      return exif(Imaging.getMetadata(bytes)).map(ImageInfo::orientation).orElse(1);
    } catch (IOException | RuntimeException e) {
      // Broken metadata do not make the pixels worse.
      return 1;
    }
  }

  private static Optional<TiffImageMetadata> exif(ImageMetadata metadata) {
    if (metadata instanceof JpegImageMetadata jpeg) {
      return Optional.ofNullable(jpeg.getExif());
    } else if (metadata instanceof WebPImageMetadata webp) {
      return Optional.ofNullable(webp.getExif());
    } else if (metadata instanceof PngImageMetadata png) {
      return Optional.ofNullable(png.getExif());
    }
    return Optional.empty();
  }

  private static int orientation(TiffImageMetadata exif) {
    try {
      TiffField field = exif.findField(TiffTagConstants.TIFF_TAG_ORIENTATION);
      int value = field == null ? 1 : field.getIntValue();
      return value >= 1 && value <= 8 ? value : 1;
    } catch (IOException e) {
      return 1;
    }
  }
}
