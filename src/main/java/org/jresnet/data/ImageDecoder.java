package org.jresnet.data;

import com.twelvemonkeys.imageio.stream.ByteArrayImageInputStream;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.DirectColorModel;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.ImageInputStream;
import org.apache.commons.imaging.ImageFormat;
import org.apache.commons.imaging.ImageFormats;
import org.apache.commons.imaging.Imaging;

/**
 * Decodes pictures to the pixels of Pillow's {@code Image.open(file).convert("RGB")}: JPEG
 * (baseline and progressive, every subsampling, grey, YCC, RGB, CMYK, YCCK), PNG (all 15 kinds,
 * interlaced or not), lossless WebP, BMP, and the first frame of GIF.
 *
 * <p>As in Pillow, alpha is dropped, palettes are expanded, colour profiles and gamma are ignored,
 * RGB of 16 bits keeps its high byte, and grey of 16 bits is cut off at 255. Commons Imaging
 * recognises the format; samples come from ImageIO with TwelveMonkeys' readers, which agree with
 * libjpeg and libpng to the bit.
 *
 * <p>Lossy WebP is refused: the only decoder at hand (TwelveMonkeys 3.12) predicts from filtered
 * neighbours and ends up to 87 of 255 beside libwebp, traces that a detector of generated pictures
 * would learn. Damage that ends no file early (a wrong PNG checksum of pixel data, a broken run of
 * JPEG codes) is decoded as far as it goes, as in Pillow; a PNG whose data end before its last row
 * is refused, where Pillow leaves the rest black.
 */
public final class ImageDecoder {
  /** Pillow's limit against decompression bombs. */
  public static final long MAX_PIXELS = 178_956_970;

  /** Bytes that tell the format. */
  private static final int MAGIC = 64;

  /** What is done about the orientation that a camera wrote. */
  public enum Orientation {
    /** The stored pixels are taken as they are, as Pillow and torchvision do. */
    IGNORE,
    /** The picture is turned upright. */
    APPLY
  }

  /**
   * How pictures are decoded.
   *
   * @param orientation what happens to the EXIF orientation
   * @param maxPixels refuse larger pictures before they are decoded
   */
  public record Options(Orientation orientation, long maxPixels) {
    /** What Pillow does. */
    public static final Options DEFAULT = new Options(Orientation.IGNORE, MAX_PIXELS);

    /** Checks the limit. */
    public Options {
      if (maxPixels < 1) {
        throw new IllegalArgumentException("the pixel limit must be positive, found " + maxPixels);
      }
    }
  }

  /** What becomes of samples of 16 bits. */
  private enum Sixteen {
    HIGH_BYTE,
    /** Grey PNG without alpha: Pillow's mode I;16, whose conversion to RGB cuts off at 255. */
    SATURATED;

    static Sixteen of(ImageFormat format, byte[] bytes) {
      return format == ImageFormats.PNG && bytes[25] == 0 ? SATURATED : HIGH_BYTE;
    }
  }

  private ImageDecoder() {}

  /** Decodes a file as {@link Options#DEFAULT} says. */
  public static RgbImage decode(Path file) throws BadImageException {
    return decode(file, Options.DEFAULT);
  }

  /**
   * Decodes a file.
   *
   * @throws BadImageException when the file is missing, unreadable, empty, truncated, corrupt, too
   *     large or no picture
   */
  public static RgbImage decode(Path file, Options options) throws BadImageException {
    return decode(file, read(file), options);
  }

  /** The bytes of a picture file. */
  static byte[] read(Path file) throws BadImageException {
    requireFile(file);
    try {
      byte[] bytes = Files.readAllBytes(file);
      if (bytes.length == 0) {
        throw new BadImageException(file, "is empty (0 bytes)");
      }
      return bytes;
    } catch (BadImageException e) {
      throw e;
    } catch (IOException e) {
      throw unreadable(file, e);
    } catch (OutOfMemoryError e) {
      throw new BadImageException(
          file, "has " + file.toFile().length() + " bytes, more than Java's memory", e);
    }
  }

  /** Something that can be read without waiting for ever. */
  static void requireFile(Path file) throws BadImageException {
    if (!Files.exists(file)) {
      throw new BadImageException(file, "does not exist");
    } else if (Files.isDirectory(file)) {
      throw new BadImageException(file, "is a folder, expected a picture");
    } else if (!Files.isRegularFile(file)) {
      // A pipe or a device would block for ever.
      throw new BadImageException(file, "is no ordinary file, expected a picture");
    }
  }

  static BadImageException unreadable(Path file, IOException e) {
    return new BadImageException(
        file,
        "cannot be read: " + (e instanceof AccessDeniedException ? "permission denied" : e),
        e);
  }

  /**
   * Decodes the bytes of a picture.
   *
   * @param name what messages call it
   * @throws BadImageException as {@link #decode(Path, Options)}
   */
  public static RgbImage decode(Path name, byte[] bytes, Options options) throws BadImageException {
    Head head = Head.of(bytes);
    ImageFormat format = format(name, head);
    try {
      RgbImage image = pixels(name, bytes, format, options.maxPixels());
      return options.orientation() == Orientation.APPLY
          ? upright(image, ImageInfo.read(name, head).orientation())
          : image;
    } catch (BadImageException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
      throw new BadImageException(name, "is corrupt or truncated: " + reason, e);
    } catch (OutOfMemoryError e) {
      throw new BadImageException(
          name, "needs more memory than Java may use; raise -Xmx or lower the loader's threads", e);
    }
  }

  /** The format by the first bytes; names do not count. */
  static ImageFormat format(Path name, Head head) throws BadImageException {
    ImageFormat format;
    try {
      if (head.length() == 0) {
        throw new BadImageException(name, "is empty (0 bytes)");
      }
      format = Imaging.guessFormat(head.text(0, MAGIC).getBytes(StandardCharsets.ISO_8859_1));
    } catch (BadImageException e) {
      throw e;
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
    throw new BadImageException(name, found + "; expected JPEG, PNG, lossless WebP, BMP or GIF");
  }

  private static RgbImage pixels(Path name, byte[] bytes, ImageFormat format, long maxPixels)
      throws IOException {
    JpegPixels jpeg = format == ImageFormats.JPEG ? JpegPixels.of(name, Head.of(bytes)) : null;
    if (format == ImageFormats.PNG) {
      checkPng(name, bytes);
    } else if (format == ImageFormats.WEBP) {
      checkWebp(name, bytes);
    }
    ImageReader reader =
        ImageIO.getImageReadersByFormatName(format.getName().toLowerCase(Locale.ROOT)).next();
    List<String> warnings = new ArrayList<>();
    reader.addIIOReadWarningListener((source, warning) -> warnings.add(warning));
    try {
      ImageInputStream stream =
          format == ImageFormats.WEBP
              ? new PaddedStream(bytes)
              : new ByteArrayImageInputStream(bytes);
      reader.setInput(stream, true, false);
      requireSaneSize(name, reader.getWidth(0), reader.getHeight(0), maxPixels);
      if (jpeg != null) {
        RgbImage image = jpeg.rgb(name, reader.readRaster(0, null));
        // The codec fills the missing rest with grey and only warns; to Pillow it is truncated.
        for (String warning : warnings) {
          if (warning.startsWith("Truncated File")) {
            throw new BadImageException(name, "is truncated: the end of the JPEG data is missing");
          }
        }
        return image;
      }
      RgbImage image = rgb(name, reader.read(0), Sixteen.of(format, bytes));
      return format == ImageFormats.GIF ? onScreen(name, reader, bytes, image, maxPixels) : image;
    } finally {
      reader.dispose();
    }
  }

  private static void requireSaneSize(Path name, int width, int height, long maxPixels)
      throws BadImageException {
    if ((long) width * height > maxPixels) {
      throw new BadImageException(
          name, "has " + width + "x" + height + " pixels, more than the limit of " + maxPixels);
    }
  }

  /** The checksums before the pixels must be right, as Pillow asks; readers do not look at them. */
  private static void checkPng(Path name, byte[] bytes) throws BadImageException {
    ByteBuffer png = ByteBuffer.wrap(bytes);
    int at = 8;
    while (at + 12 <= bytes.length) {
      String type = new String(bytes, at + 4, 4, StandardCharsets.ISO_8859_1);
      if (type.equals("IDAT")) {
        return;
      }
      int length = png.getInt(at);
      if (length < 0 || length > bytes.length - at - 12) {
        break;
      }
      CRC32 crc = new CRC32();
      crc.update(bytes, at + 4, length + 4);
      if ((int) crc.getValue() != png.getInt(at + 8 + length)) {
        throw new BadImageException(
            name, "is corrupt: the checksum of its PNG chunk " + type + " is wrong");
      }
      at += 12 + length;
    }
    throw new BadImageException(name, "is truncated: it has no PNG pixel data");
  }

  /** Complete and lossless: of truncated files the reader would make something, too. */
  private static void checkWebp(Path name, byte[] bytes) throws BadImageException {
    ByteBuffer riff = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (bytes.length < 20 || Integer.toUnsignedLong(riff.getInt(4)) > bytes.length - 8) {
      throw new BadImageException(
          name, "is truncated: its WebP header promises more than " + bytes.length + " bytes");
    }
    int at = 12;
    while (at + 8 <= bytes.length) {
      String type = new String(bytes, at, 4, StandardCharsets.ISO_8859_1);
      if (type.equals("VP8 ")) {
        throw new BadImageException(
            name,
            "is a lossy WebP picture, whose pixels cannot be decoded exactly; save it as PNG, for"
                + " example with: dwebp FILE.webp -o FILE.png");
      } else if (type.equals("VP8L")) {
        return;
      }
      long length = Integer.toUnsignedLong(riff.getInt(at + 4));
      // A frame of an animation holds its picture behind 16 bytes of its own.
      long step = type.equals("ANMF") ? 8 + 16 : 8 + length + length % 2;
      if (step > bytes.length - at) {
        break;
      }
      at += (int) step;
    }
    throw new BadImageException(name, "is corrupt: it has no WebP pixel data");
  }

  /** A first GIF frame that does not cover the screen lies on colour 0 or the transparent one. */
  private static RgbImage onScreen(
      Path name, ImageReader reader, byte[] bytes, RgbImage frame, long maxPixels)
      throws IOException {
    IIOMetadataNode tree =
        (IIOMetadataNode) reader.getImageMetadata(0).getAsTree("javax_imageio_gif_image_1.0");
    IIOMetadataNode descriptor =
        (IIOMetadataNode) tree.getElementsByTagName("ImageDescriptor").item(0);
    int left = Integer.parseInt(descriptor.getAttribute("imageLeftPosition"));
    int top = Integer.parseInt(descriptor.getAttribute("imageTopPosition"));
    ByteBuffer gif = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int width = Math.max(Short.toUnsignedInt(gif.getShort(6)), left + frame.width());
    int height = Math.max(Short.toUnsignedInt(gif.getShort(8)), top + frame.height());
    if (width == frame.width() && height == frame.height()) {
      return frame;
    }
    requireSaneSize(name, width, height, maxPixels);
    IndexColorModel palette = (IndexColorModel) reader.getImageTypes(0).next().getColorModel();
    int fill = palette.getRGB(Math.max(0, palette.getTransparentPixel()));
    byte[] out = new byte[width * height * 3];
    for (int i = 0; i < out.length; i += 3) {
      out[i] = (byte) (fill >> 16);
      out[i + 1] = (byte) (fill >> 8);
      out[i + 2] = (byte) fill;
    }
    int row = frame.width() * 3;
    for (int y = 0; y < frame.height(); y++) {
      System.arraycopy(frame.rgb(), y * row, out, ((top + y) * width + left) * 3, row);
    }
    return new RgbImage(width, height, out);
  }

  /** Samples as they are stored: {@code getRGB} would convert grey through a gamma curve. */
  private static RgbImage rgb(Path name, BufferedImage image, Sixteen sixteen)
      throws BadImageException {
    int width = image.getWidth();
    int height = image.getHeight();
    byte[] out = new byte[Math.multiplyExact(Math.multiplyExact(width, height), 3)];
    Raster raster = image.getRaster();
    ColorModel model = image.getColorModel();
    int bands = raster.getNumBands();
    int green = bands >= 3 ? 1 : 0;
    int blue = bands >= 3 ? 2 : 0;
    byte[][] tables =
        model instanceof IndexColorModel palette
            ? palettes(palette)
            : new byte[][] {
              table(name, model, 0, sixteen),
              table(name, model, green, sixteen),
              table(name, model, blue, sixteen)
            };
    int[] row = new int[width * bands];
    for (int y = 0; y < height; y++) {
      raster.getPixels(0, y, width, 1, row);
      int at = y * width * 3;
      for (int x = 0; x < row.length; x += bands, at += 3) {
        out[at] = tables[0][row[x]];
        out[at + 1] = tables[1][row[x + green]];
        out[at + 2] = tables[2][row[x + blue]];
      }
    }
    return new RgbImage(width, height, out);
  }

  private static byte[][] palettes(IndexColorModel palette) {
    byte[][] tables = new byte[3][palette.getMapSize()];
    palette.getReds(tables[0]);
    palette.getGreens(tables[1]);
    palette.getBlues(tables[2]);
    return tables;
  }

  /** The byte for each stored value of a band. */
  private static byte[] table(Path name, ColorModel model, int band, Sixteen sixteen)
      throws BadImageException {
    int bits = model.getComponentSize(band);
    if (bits > 16 || bits > 8 && bits < 16 || bits < 8 && !(model instanceof DirectColorModel)) {
      throw new BadImageException(name, "has " + bits + " bits per sample, expected 8 or 16");
    }
    byte[] table = new byte[1 << bits];
    int max = table.length - 1;
    for (int v = 0; v <= max; v++) {
      // Colours of 5 and 6 bits (BMP) are stretched, rounding down as Pillow does.
      int value = sixteen == Sixteen.SATURATED ? Math.min(v, 255) : v >> 8;
      table[v] = (byte) (bits == 16 ? value : v * 255 / max);
    }
    return table;
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
