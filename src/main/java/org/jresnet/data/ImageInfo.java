package org.jresnet.data;

import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What an image file says about itself. Pixels are not decoded: some kilobytes of the file are read
 * and as much memory is used, whatever the file claims.
 *
 * @param format JPEG, PNG, WEBP, BMP, GIF, TIFF or PPM, by its first bytes
 * @param width columns as stored
 * @param height rows as stored
 * @param orientation EXIF orientation, 1 to 8; 1 is upright. That of a TIFF is always applied, as
 *     in Pillow
 * @param colorProfile bytes of the embedded ICC profile as stored (a PNG's is compressed), 0
 *     without one
 * @param jpegQuality 1 to 100, the quality that libjpeg, Pillow and most encoders were asked for;
 *     empty for other formats and for JPEGs with quantisation tables of another kind
 * @param sampling sub-sampling of a JPEG's colours, such as 4:2:0; empty for other formats, for
 *     grey and for four components
 * @param bytes size of the file
 * @param metadata traces of what wrote the file
 * @param plainJpeg whether it is a JPEG of the kind that {@linkplain JpegDecoder devices} decode:
 *     baseline, all components in one scan, grey or YCbCr in 4:4:4, 4:2:2, 4:2:0 or 4:4:0
 */
public record ImageInfo(
    String format,
    int width,
    int height,
    int orientation,
    int colorProfile,
    OptionalInt jpegQuality,
    String sampling,
    long bytes,
    ImageMetadata metadata,
    boolean plainJpeg) {
  /** Width times height. */
  public long pixels() {
    return (long) width * height;
  }

  /**
   * How far the file was compressed, as a quality of libjpeg: for tables of another kind that whose
   * table is as coarse, and 100 for formats other than JPEG.
   */
  public int approximateQuality() {
    return metadata.luminance().isEmpty()
        ? 100
        : jpegQuality.orElseGet(() -> JpegTables.nearest(metadata.luminance()));
  }

  /**
   * Whether the image is decoded lying, unless {@link ImageDecoder.Orientation#APPLY} is asked for.
   */
  public boolean isTurned() {
    return orientation != 1 && !format.equals(Format.TIFF.name());
  }

  /** Chunks that are looked at in a PNG or WebP file; what is behind more of them is not seen. */
  private static final int MAX_CHUNKS = 10_000;

  private static final String PNG_XMP = "XML:com.adobe.xmp\0\0\0";

  /**
   * Reads the header of an image file.
   *
   * @throws BadImageException as {@link ImageDecoder#decode(Path)}
   */
  public static ImageInfo read(Path file) throws BadImageException {
    OpenedImage.requireFile(file);
    try (Head head = Head.open(file)) {
      return read(file, head);
    } catch (BadImageException e) {
      throw e;
    } catch (IOException e) {
      throw OpenedImage.unreadable(file, e);
    }
  }

  /** As {@link #read(Path)}, of an open file. */
  static ImageInfo read(Path name, Head head) throws BadImageException {
    Format format = Format.of(name, head);
    try {
      ImageInfo info =
          switch (format) {
            case JPEG -> of(name, JpegHeader.read(name, head), head.length());
            case PNG -> png(head);
            case WEBP -> webp(head);
            case BMP -> bmp(head);
            case GIF -> gif(head);
            case TIFF -> tiff(head);
            case PPM -> ppm(name, head);
          };
      return info.checked(name);
    } catch (BadImageException e) {
      throw e;
    } catch (IOException e) {
      throw new BadImageException(name, "has a corrupt header: " + e.getMessage(), e);
    }
  }

  /** Of a JPEG header. */
  static ImageInfo of(Path name, JpegHeader jpeg, long bytes) throws BadImageException {
    if (jpeg.frame() == 0) {
      throw new BadImageException(name, "is corrupt: it has no JPEG frame header");
    }
    return new ImageInfo(
            Format.JPEG.name(),
            jpeg.width(),
            jpeg.height(),
            jpeg.orientation(),
            jpeg.colorProfile(),
            jpeg.quality(),
            jpeg.sampling(),
            bytes,
            jpeg.metadata(),
            jpeg.plain())
        .checked(name);
  }

  private ImageInfo checked(Path name) throws BadImageException {
    if (width < 1 || height < 1) {
      throw new BadImageException(
          name, "is corrupt: its header says " + width + "x" + height + " pixels");
    }
    return this;
  }

  private static ImageInfo tiff(Head head) throws IOException {
    TiffHeader tiff = new TiffHeader(head, 0);
    return of(
            Format.TIFF,
            (int) Math.min(tiff.value(TiffHeader.WIDTH), Integer.MAX_VALUE),
            (int) Math.min(tiff.value(TiffHeader.HEIGHT), Integer.MAX_VALUE),
            head)
        .with(tiff.orientation(), "", tiff.count(TiffHeader.COLOR_PROFILE))
        .with(ImageMetadata.NONE.with(Optional.of(tiff), ""));
  }

  private static ImageInfo of(Format format, int width, int height, Head head) {
    return new ImageInfo(
        format.name(),
        width,
        height,
        1,
        0,
        OptionalInt.empty(),
        "",
        head.length(),
        ImageMetadata.NONE,
        false);
  }

  private ImageInfo with(int exif, String xmp, long profile) {
    return new ImageInfo(
        format,
        width,
        height,
        exif != 0 ? exif : TiffHeader.orientation(xmp),
        (int) Math.min(profile, Integer.MAX_VALUE),
        jpegQuality,
        sampling,
        bytes,
        metadata,
        plainJpeg);
  }

  private ImageInfo with(ImageMetadata traces) {
    return new ImageInfo(
        format,
        width,
        height,
        orientation,
        colorProfile,
        jpegQuality,
        sampling,
        bytes,
        traces,
        plainJpeg);
  }

  private static ImageInfo ppm(Path name, Head head) throws IOException {
    PpmPixels ppm = PpmPixels.header(name, head);
    return of(Format.PPM, ppm.width(), ppm.height(), head);
  }

  private static ImageInfo bmp(Head head) throws IOException {
    boolean old = head.i32(14, LITTLE_ENDIAN) == 12;
    int width = old ? head.u16(18, LITTLE_ENDIAN) : head.i32(18, LITTLE_ENDIAN);
    int height = old ? head.u16(20, LITTLE_ENDIAN) : head.i32(22, LITTLE_ENDIAN);
    return of(Format.BMP, width, Math.abs(height), head);
  }

  /** The screen, made larger where the first frame sticks out, as in Pillow. */
  private static ImageInfo gif(Head head) throws IOException {
    int width = head.u16(6, LITTLE_ENDIAN);
    int height = head.u16(8, LITTLE_ENDIAN);
    int flags = head.u8(10);
    long at = 13 + (flags >= 128 ? 6L << (flags & 7) : 0);
    boolean extension = false;
    for (int i = 0; i < MAX_CHUNKS && at < head.length(); i++) {
      int first = head.u8(at);
      if (extension) {
        at += 1 + first;
        extension = first > 0;
      } else if (first == 0x21) {
        at += 2;
        extension = true;
      } else if (first == 0x2C) {
        width = Math.max(width, head.u16(at + 1, LITTLE_ENDIAN) + head.u16(at + 5, LITTLE_ENDIAN));
        height =
            Math.max(height, head.u16(at + 3, LITTLE_ENDIAN) + head.u16(at + 7, LITTLE_ENDIAN));
        break;
      } else {
        break;
      }
    }
    return of(Format.GIF, width, height, head);
  }

  private static ImageInfo png(Head head) throws IOException {
    ImageInfo size = of(Format.PNG, head.i32(16, BIG_ENDIAN), head.i32(20, BIG_ENDIAN), head);
    Optional<TiffHeader> exif = Optional.empty();
    ImageMetadata metadata = ImageMetadata.NONE.withColor(pngColor(head.u8(25)));
    long profile = 0;
    String xmp = "";
    long at = 8;
    for (int i = 0; i < MAX_CHUNKS && at + 12 <= head.length(); i++) {
      long length = head.u32(at, BIG_ENDIAN);
      switch (head.name(at + 4)) {
        case "eXIf" -> exif = TiffHeader.exif(head, at + 8);
        case "iCCP" -> profile = length;
        case "tEXt" -> metadata = metadata.withPngText(head, at + 8, length);
        case "iTXt" -> {
          if (head.has(at + 8, PNG_XMP)) {
            xmp = head.text(at + 8, length);
          }
        }
        default -> {
          // says nothing here
        }
      }
      at += 12 + length;
    }
    return size.with(TiffHeader.orientation(exif), xmp, profile).with(metadata.with(exif, xmp));
  }

  /** What a PNG's colour type means. */
  private static String pngColor(int type) {
    return switch (type) {
      case 0, 4 -> "grey";
      case 3 -> "palette";
      default -> "colour";
    };
  }

  private static ImageInfo webp(Head head) throws IOException {
    int width = 0;
    int height = 0;
    Optional<TiffHeader> exif = Optional.empty();
    long profile = 0;
    String xmp = "";
    long at = 12;
    for (int i = 0; i < MAX_CHUNKS && at + 8 <= head.length(); i++) {
      long length = head.u32(at + 4, LITTLE_ENDIAN);
      long data = at + 8;
      switch (head.name(at)) {
        case "VP8X" -> {
          width = 1 + (head.i32(data + 4, LITTLE_ENDIAN) & 0xFFFFFF);
          height = 1 + (head.i32(data + 6, LITTLE_ENDIAN) >>> 8);
        }
        case "VP8L" -> {
          int bits = head.i32(data + 1, LITTLE_ENDIAN);
          width = width > 0 ? width : 1 + (bits & 0x3FFF);
          height = height > 0 ? height : 1 + (bits >> 14 & 0x3FFF);
        }
        case "VP8 " -> {
          width = width > 0 ? width : head.u16(data + 6, LITTLE_ENDIAN) & 0x3FFF;
          height = height > 0 ? height : head.u16(data + 8, LITTLE_ENDIAN) & 0x3FFF;
        }
        case "EXIF" -> exif = TiffHeader.exif(head, data + (head.has(data, "Exif\0\0") ? 6 : 0));
        case "ICCP" -> profile = length;
        case "XMP " -> xmp = head.text(data, length);
        default -> {
          // says nothing here
        }
      }
      at = data + length + length % 2;
    }
    return of(Format.WEBP, width, height, head)
        .with(TiffHeader.orientation(exif), xmp, profile)
        .with(ImageMetadata.NONE.with(exif, xmp));
  }
}
