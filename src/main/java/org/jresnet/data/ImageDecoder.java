package org.jresnet.data;

import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import org.apache.commons.imaging.ImageFormat;
import org.apache.commons.imaging.ImageFormats;
import org.apache.commons.imaging.Imaging;
import org.apache.commons.imaging.common.ImageMetadata;
import org.apache.commons.imaging.formats.jpeg.JpegImageMetadata;
import org.apache.commons.imaging.formats.tiff.TiffField;
import org.apache.commons.imaging.formats.tiff.constants.TiffTagConstants;

/**
 * Decodes pictures to the pixels of Pillow's {@code Image.open(file).convert("RGB")}.
 *
 * <p>Commons Imaging recognises the format and reads sizes and metadata; pixels come from ImageIO
 * with TwelveMonkeys' readers, which agree with libjpeg and libpng to the bit. Alpha is dropped,
 * palettes are expanded, grey is repeated. Two differences to Pillow are known: 16-bit grey keeps
 * its high byte (Pillow saturates everything above 255), and lossy WebP is rounded differently than
 * by libwebp.
 */
public final class ImageDecoder {
  /** Pillow's limit against decompression bombs. */
  public static final long MAX_PIXELS = 178_956_970;

  /** What is done about the orientation that a camera wrote. */
  public enum Orientation {
    /** The stored pixels are taken as they are, as Pillow and torchvision do. */
    IGNORE,
    /** The picture is turned upright. */
    APPLY
  }

  private ImageDecoder() {}

  /** Decodes a file as it is stored. */
  public static RgbImage decode(Path file) throws BadImageException {
    return decode(file, Orientation.IGNORE);
  }

  /**
   * Decodes a file.
   *
   * @throws BadImageException when the file is missing, unreadable, empty, truncated, corrupt, too
   *     large or no picture
   */
  public static RgbImage decode(Path file, Orientation orientation) throws BadImageException {
    byte[] bytes = read(file);
    RgbImage image = decode(file, bytes);
    return orientation == Orientation.APPLY ? upright(image, exifOrientation(bytes)) : image;
  }

  private static byte[] read(Path file) throws BadImageException {
    if (Files.isDirectory(file)) {
      throw new BadImageException(file, "is a folder, expected a picture");
    }
    try {
      byte[] bytes = Files.readAllBytes(file);
      if (bytes.length == 0) {
        throw new BadImageException(file, "is empty (0 bytes)");
      }
      return bytes;
    } catch (NoSuchFileException e) {
      throw new BadImageException(file, "does not exist", e);
    } catch (BadImageException e) {
      throw e;
    } catch (IOException e) {
      throw new BadImageException(file, "cannot be read (" + e.getClass().getSimpleName() + ")", e);
    } catch (OutOfMemoryError e) {
      throw new BadImageException(file, "is too large to read", e);
    }
  }

  /** Decodes the bytes of a picture; {@code name} is for messages. */
  static RgbImage decode(Path name, byte[] bytes) throws BadImageException {
    ImageFormat format = format(name, bytes);
    try {
      requireSaneSize(name, bytes, format);
      if (format == ImageFormats.PNG) {
        requireCompletePng(name, bytes);
      }
      return throughImageIo(name, bytes);
    } catch (BadImageException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
      throw new BadImageException(name, "is corrupt or truncated: " + reason, e);
    } catch (OutOfMemoryError e) {
      throw new BadImageException(name, "needs more memory than Java may use", e);
    }
  }

  private static ImageFormat format(Path name, byte[] bytes) throws BadImageException {
    ImageFormat format;
    try {
      format = Imaging.guessFormat(bytes);
    } catch (IOException | RuntimeException e) {
      throw new BadImageException(name, "is not a picture", e);
    }
    if (format == ImageFormats.JPEG
        || format == ImageFormats.PNG
        || format == ImageFormats.WEBP
        || format == ImageFormats.BMP
        || format == ImageFormats.GIF) {
      return format;
    }
    String found =
        format == ImageFormats.UNKNOWN
            ? "is not a picture"
            : "is a " + format.getName() + " picture";
    throw new BadImageException(name, found + "; expected JPEG, PNG, WebP, BMP or GIF");
  }

  private static void requireSaneSize(Path name, byte[] bytes, ImageFormat format)
      throws IOException {
    int width;
    int height;
    if (format == ImageFormats.JPEG || format == ImageFormats.WEBP) {
      ImageReader reader = reader(name, bytes);
      try {
        width = reader.getWidth(0);
        height = reader.getHeight(0);
      } finally {
        reader.dispose();
      }
    } else {
      var size = Imaging.getImageSize(bytes);
      width = size.width;
      height = size.height;
    }
    if ((long) width * height > MAX_PIXELS) {
      throw new BadImageException(
          name, "has " + width + "x" + height + " pixels, more than the limit of " + MAX_PIXELS);
    }
  }

  /** A PNG ends with IEND; some readers are content without. */
  private static void requireCompletePng(Path name, byte[] bytes) throws BadImageException {
    int at = 8;
    while (at + 12 <= bytes.length) {
      long length = Integer.toUnsignedLong(java.nio.ByteBuffer.wrap(bytes, at, 4).getInt());
      if (new String(bytes, at + 4, 4, java.nio.charset.StandardCharsets.ISO_8859_1)
          .equals("IEND")) {
        return;
      }
      if (at + 12 + length > bytes.length) {
        break;
      }
      at += (int) (12 + length);
    }
    throw new BadImageException(name, "is truncated: the end of the PNG data is missing");
  }

  private static ImageReader reader(Path name, byte[] bytes) throws IOException {
    ImageInputStream stream = ImageIO.createImageInputStream(new ByteArrayInputStream(bytes));
    Iterator<ImageReader> readers = ImageIO.getImageReaders(stream);
    if (!readers.hasNext()) {
      throw new BadImageException(name, "is not a picture that can be decoded");
    }
    ImageReader reader = readers.next();
    reader.setInput(stream, true, false);
    return reader;
  }

  private static RgbImage throughImageIo(Path name, byte[] bytes) throws IOException {
    ImageReader reader = reader(name, bytes);
    List<String> warnings = new ArrayList<>();
    reader.addIIOReadWarningListener((source, warning) -> warnings.add(warning));
    try {
      BufferedImage image = reader.read(0);
      for (String warning : warnings) {
        // libjpeg fills the missing rest with grey and only warns; Pillow calls such a file
        // truncated.
        if (warning.matches("(?is).*(truncated|premature end|missing EOI|unexpected end).*")) {
          throw new BadImageException(name, "is truncated: " + warning);
        }
      }
      return rgb(name, image);
    } finally {
      reader.dispose();
    }
  }

  /** Samples as they are stored: {@code getRGB} would convert grey through a gamma curve. */
  private static RgbImage rgb(Path name, BufferedImage image) throws BadImageException {
    int width = image.getWidth();
    int height = image.getHeight();
    byte[] out = new byte[Math.multiplyExact(Math.multiplyExact(width, height), 3)];
    Raster raster = image.getRaster();
    ColorModel model = image.getColorModel();
    int bands = raster.getNumBands();
    boolean packed =
        image.getType() == BufferedImage.TYPE_INT_ARGB
            || image.getType() == BufferedImage.TYPE_INT_RGB;
    if (packed || model instanceof IndexColorModel) {
      int[] row = new int[width];
      for (int y = 0; y < height; y++) {
        image.getRGB(0, y, width, 1, row, 0, width);
        for (int x = 0; x < width; x++) {
          int at = (y * width + x) * 3;
          out[at] = (byte) (row[x] >> 16);
          out[at + 1] = (byte) (row[x] >> 8);
          out[at + 2] = (byte) row[x];
        }
      }
      return new RgbImage(width, height, out);
    }
    int bits = model.getComponentSize(0);
    if (bits != 8 && bits != 16) {
      throw new BadImageException(name, "has " + bits + " bits per sample, expected 8 or 16");
    }
    int shift = bits - 8;
    int green = bands >= 3 ? 1 : 0;
    int blue = bands >= 3 ? 2 : 0;
    int[] row = new int[width * bands];
    for (int y = 0; y < height; y++) {
      raster.getPixels(0, y, width, 1, row);
      for (int x = 0; x < width; x++) {
        int at = (y * width + x) * 3;
        out[at] = (byte) (row[x * bands] >> shift);
        out[at + 1] = (byte) (row[x * bands + green] >> shift);
        out[at + 2] = (byte) (row[x * bands + blue] >> shift);
      }
    }
    return new RgbImage(width, height, out);
  }

  private static int exifOrientation(byte[] bytes) {
    try {
      ImageMetadata metadata = Imaging.getMetadata(bytes);
      if (metadata instanceof JpegImageMetadata jpeg) {
        TiffField field = jpeg.findExifValue(TiffTagConstants.TIFF_TAG_ORIENTATION);
        return field == null ? 1 : field.getIntValue();
      }
      return 1;
    } catch (IOException | RuntimeException e) {
      // Broken metadata do not make the pixels worse.
      return 1;
    }
  }

  /** Applies EXIF orientation 1 to 8 (Exif 2.32, table 6). */
  static RgbImage upright(RgbImage image, int orientation) {
    if (orientation < 2 || orientation > 8) {
      return image;
    }
    boolean turned = orientation >= 5;
    int width = turned ? image.height() : image.width();
    int height = turned ? image.width() : image.height();
    byte[] out = new byte[image.rgb().length];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int right = width - 1 - x;
        int down = height - 1 - y;
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
        System.arraycopy(
            image.rgb(), (fromY * image.width() + fromX) * 3, out, (y * width + x) * 3, 3);
      }
    }
    return new RgbImage(width, height, out);
  }
}
