package org.jresnet.data;

import com.twelvemonkeys.imageio.plugins.tiff.TIFFImageReaderSpi;
import com.twelvemonkeys.imageio.stream.ByteArrayImageInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import javax.imageio.ImageReader;
import org.jresnet.data.Samples.Alpha;
import org.jresnet.data.Samples.Sixteen;

/**
 * The first page of a TIFF file: grey, RGB, palette or CMYK in whole numbers of 1 to 8 or 16 bits,
 * with or without alpha, uncompressed or compressed by LZW, Deflate, PackBits, CCITT or JPEG.
 */
final class TiffPixels {
  private static final int OLD_JPEG = 6;
  private static final int JPEG = 7;
  private static final Map<Integer, String> COMPRESSIONS =
      Map.of(
          1,
          "none",
          2,
          "CCITT",
          3,
          "Group 3",
          4,
          "Group 4",
          5,
          "LZW",
          JPEG,
          "JPEG",
          8,
          "Deflate",
          32773,
          "PackBits",
          32946,
          "Deflate");
  private static final Map<Integer, String> OTHER_COMPRESSIONS =
      Map.of(
          OLD_JPEG,
          "old JPEG",
          34712,
          "JPEG 2000",
          34925,
          "LZMA",
          50000,
          "Zstandard",
          50001,
          "WebP",
          50002,
          "JPEG XL");
  private static final int WHITE_IS_ZERO = 0;
  private static final int BLACK_IS_ZERO = 1;
  private static final int YCC = 6;
  private static final Map<Integer, String> COLOURS =
      Map.of(WHITE_IS_ZERO, "grey", BLACK_IS_ZERO, "grey", 2, "RGB", 3, "palette", 5, "CMYK");
  private static final Map<Integer, String> OTHER_COLOURS =
      Map.of(
          4,
          "a transparency mask",
          YCC,
          "YCbCr without JPEG",
          8,
          "CIE L*a*b*",
          9,
          "ICC L*a*b*",
          32803,
          "a camera's raw mosaic",
          32844,
          "LogL",
          32845,
          "LogLuv",
          34892,
          "linear raw");

  /** RGB and three more: the reader allocates as many as the header says. */
  private static final int MAX_SAMPLES = 6;

  private static final int MAX_SMALL_TILE = 1 << 20;

  private TiffPixels() {}

  static RgbImage of(Path name, byte[] bytes, ImageInfo info) throws IOException {
    TiffHeader tiff = new TiffHeader(Head.of(bytes), 0);
    int compression = (int) tiff.value(TiffHeader.COMPRESSION, 1);
    int colours = (int) tiff.value(TiffHeader.PHOTOMETRIC, -1);
    int bits = (int) tiff.value(TiffHeader.BITS, 1);
    if (!COMPRESSIONS.containsKey(compression)) {
      throw unusual(name, "compression " + named(OTHER_COMPRESSIONS, compression));
    } else if (!COLOURS.containsKey(colours) && !(colours == YCC && compression == JPEG)) {
      throw unusual(name, "colours " + named(OTHER_COLOURS, colours));
    } else if (tiff.value(TiffHeader.SAMPLE_FORMAT, 1) != 1) {
      throw unusual(name, "samples that are signed or no whole numbers");
    } else if (bits > 8 && bits != 16 || bits == 16 && colours == WHITE_IS_ZERO) {
      throw unusual(name, "samples of " + bits + " bits" + (bits == 16 ? " with white at 0" : ""));
    }
    long samples = tiff.value(TiffHeader.SAMPLES, 1);
    long tile = tiff.value(TiffHeader.TILE_WIDTH) * tiff.value(TiffHeader.TILE_HEIGHT);
    if (samples > MAX_SAMPLES) {
      throw unusual(name, samples + " samples per pixel");
    } else if (tile > 2 * info.pixels() + MAX_SMALL_TILE) {
      throw unusual(name, "tiles of " + tile + " pixels, far more than the image has");
    }
    ImageReader reader = new TIFFImageReaderSpi().createReaderInstance(null);
    try {
      Pixels.open(name, reader, new ByteArrayImageInputStream(bytes), info);
      if ((long) reader.getWidth(0) * reader.getHeight(0) != info.pixels()) {
        throw new BadImageException(name, "is corrupt: it gives its width or height twice");
      }
      Sixteen sixteen = colours == BLACK_IS_ZERO ? Sixteen.SATURATED : Sixteen.HIGH_BYTE;
      Alpha alpha = tiff.value(TiffHeader.EXTRA_SAMPLES) == 1 ? Alpha.PREMULTIPLIED : Alpha.DROPPED;
      return Samples.rgb(name, reader.read(0), sixteen, alpha);
    } finally {
      reader.dispose();
    }
  }

  private static String named(Map<Integer, String> names, int number) {
    return names.containsKey(number) ? names.get(number) : "number " + number;
  }

  private static BadImageException unusual(Path name, String what) {
    return new BadImageException(
        name,
        "is a TIFF image with "
            + what
            + ", which is not decoded here; save it as 8-bit RGB first, for example with: magick"
            + " FILE -colorspace sRGB -depth 8 FILE.png");
  }
}
