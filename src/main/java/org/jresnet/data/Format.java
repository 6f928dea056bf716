package org.jresnet.data;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.apache.commons.imaging.ImageFormats;
import org.apache.commons.imaging.Imaging;

/** File formats that are decoded, told by the first bytes; names do not count. */
enum Format {
  JPEG(200),
  PNG(100),
  WEBP(600),
  BMP(128),
  GIF(100),
  TIFF(100),
  PPM(1);

  private static final String READ = "JPEG, PNG, WebP, BMP, GIF, TIFF or PPM";

  /** Bytes that tell the format. */
  private static final int MAGIC = 256;

  /**
   * Another format.
   *
   * @param at where its mark stands
   * @param mark its bytes
   * @param name what people call it, with its article
   * @param converter a command that makes a PNG of FILE
   */
  private record Other(int at, String mark, String name, String converter) {}

  private static final String MAGICK = "magick FILE FILE.png";
  private static final String HEIF = "heif-convert FILE FILE.png";
  private static final List<Other> OTHERS =
      List.of(
          new Other(4, "ftypavif", "an AVIF", "avifdec FILE FILE.png"),
          new Other(4, "ftypavis", "an AVIF", "avifdec FILE FILE.png"),
          new Other(4, "ftyphe", "a HEIC", HEIF),
          new Other(4, "ftypmif1", "a HEIF", HEIF),
          new Other(4, "ftypmsf1", "a HEIF", HEIF),
          new Other(4, "ftypcrx", "a camera's raw (CR3)", "darktable-cli FILE FILE.png"),
          new Other(0, "FUJIFILM", "a camera's raw (RAF)", "darktable-cli FILE FILE.png"),
          new Other(0, "\0\0\0\fJXL ", "a JPEG XL", "djxl FILE FILE.png"),
          new Other(0, "\u00ff\n", "a JPEG XL", "djxl FILE FILE.png"),
          new Other(0, "\0\0\0\fjP  ", "a JPEG 2000", MAGICK),
          new Other(0, "\u00ffO\u00ffQ", "a JPEG 2000", MAGICK),
          new Other(0, "8BPS", "a Photoshop (PSD)", "magick 'FILE[0]' FILE.png"),
          new Other(0, "\0\0\u0001\0", "an ICO", "magick 'FILE[0]' FILE.png"),
          new Other(0, "%PDF", "a PDF", "pdftoppm -png FILE FILE"),
          new Other(0, "%!PS", "a PostScript", MAGICK),
          new Other(0, "v/1\u0001", "an OpenEXR", MAGICK),
          new Other(0, "#?RADIANCE", "a Radiance HDR", MAGICK),
          new Other(0, "qoif", "a QOI", MAGICK),
          new Other(0, "DDS ", "a DDS", MAGICK),
          new Other(0, "icns", "an ICNS", MAGICK));

  private final int mostPixelsPerByte;

  /** See {@link Limits}. */
  Format(int mostPixelsPerByte) {
    this.mostPixelsPerByte = mostPixelsPerByte;
  }

  int mostPixelsPerByte() {
    return mostPixelsPerByte;
  }

  /**
   * The format of a file.
   *
   * @throws BadImageException when it is no image, or one of a format that is not decoded: the
   *     message names it and says how to convert it
   */
  static Format of(Path name, Head head) throws BadImageException {
    if (head.length() == 0) {
      throw new BadImageException(name, "is empty (0 bytes)");
    }
    try {
      String first = head.text(0, MAGIC);
      for (Other other : OTHERS) {
        if (first.startsWith(other.mark, other.at)) {
          throw refused(name, other.name + " image", other.converter);
        }
      }
      if (first.stripLeading().matches("(?s)(<\\?xml.*|<!--.*|<!DOCTYPE svg.*)?<svg.*")) {
        throw refused(name, "an SVG drawing", "rsvg-convert FILE -o FILE.png");
      }
      return known(name, first.getBytes(StandardCharsets.ISO_8859_1));
    } catch (BadImageException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw new BadImageException(name, "is not an image; expected " + READ, e);
    }
  }

  private static Format known(Path name, byte[] first) throws IOException {
    var format = Imaging.guessFormat(first);
    if (format == ImageFormats.JPEG) {
      return JPEG;
    } else if (format == ImageFormats.PNG) {
      return PNG;
    } else if (format == ImageFormats.WEBP) {
      return WEBP;
    } else if (format == ImageFormats.BMP) {
      return BMP;
    } else if (format == ImageFormats.GIF) {
      return GIF;
    } else if (format == ImageFormats.TIFF) {
      return TIFF;
    } else if (format == ImageFormats.PPM && first[1] == '6') {
      return PPM;
    } else if (format == ImageFormats.UNKNOWN) {
      throw new BadImageException(name, "is not an image; expected " + READ);
    }
    throw refused(name, "a " + format.getName() + " image", MAGICK);
  }

  private static BadImageException refused(Path name, String what, String converter) {
    return new BadImageException(
        name,
        "is "
            + what
            + ", which is not decoded here ("
            + READ
            + " are); convert it first, for"
            + " example with: "
            + converter);
  }
}
