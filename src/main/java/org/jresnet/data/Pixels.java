package org.jresnet.data;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import com.twelvemonkeys.imageio.stream.ByteArrayImageInputStream;
import java.awt.image.IndexColorModel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.ImageInputStream;
import org.jresnet.base.JpegDevice;
import org.jresnet.data.Samples.Alpha;
import org.jresnet.data.Samples.Sixteen;

/** Pixels of one image by the reader of its format. */
final class Pixels {
  private static final int BMP_CORE_HEADER = 12;
  private static final int BMP_RLE8 = 1;
  private static final int BMP_RLE4 = 2;
  private static final int BMP_JPEG = 4;
  private static final int BMP_PNG = 5;

  private Pixels() {}

  /**
   * Decodes.
   *
   * @param info the header's size: no reader may find more
   * @param jpeg the header of a JPEG, else null
   * @param decoder of a JPEG
   */
  static RgbImage of(Path name, byte[] bytes, ImageInfo info, JpegHeader jpeg, JpegDecoder decoder)
      throws IOException {
    return switch (Format.valueOf(info.format())) {
      case JPEG -> jpeg(name, bytes, info, jpeg, decoder);
      case PNG -> png(name, bytes, info);
      case WEBP -> WebpPixels.of(name, bytes, info);
      case BMP -> bmp(name, bytes, info);
      case GIF -> gif(name, bytes, info);
      case TIFF -> TiffPixels.of(name, bytes, info);
      case PPM -> PpmPixels.of(name, bytes);
    };
  }

  private static RgbImage jpeg(
      Path name, byte[] bytes, ImageInfo info, JpegHeader header, JpegDecoder decoder)
      throws IOException {
    Optional<JpegDevice> device = decoder.device();
    if (device.isPresent() && info.plainJpeg()) {
      // What is missing a device may fill; the codec below would say so.
      if (!header.ends(bytes)) {
        throw truncated(name);
      }
      int width = info.width();
      return new RgbImage(width, info.height(), device.get().rgb(bytes, width, info.height()));
    }
    JpegPixels pixels = JpegPixels.of(name, header);
    List<String> warnings = new ArrayList<>();
    ImageReader reader = reader("jpeg");
    try {
      reader.addIIOReadWarningListener((source, warning) -> warnings.add(warning));
      open(name, reader, new ByteArrayImageInputStream(bytes), info);
      RgbImage image = pixels.rgb(name, reader.readRaster(0, null));
      // The codec fills the missing rest with grey and only warns; to Pillow it is truncated.
      for (String warning : warnings) {
        if (warning.startsWith("Truncated File")) {
          throw truncated(name);
        }
      }
      return image;
    } finally {
      reader.dispose();
    }
  }

  private static BadImageException truncated(Path name) {
    return new BadImageException(name, "is truncated: the end of the JPEG data is missing");
  }

  private static RgbImage png(Path name, byte[] bytes, ImageInfo info) throws IOException {
    checkPng(name, bytes);
    ImageReader reader = reader("png");
    try {
      open(name, reader, new ByteArrayImageInputStream(bytes), info);
      Sixteen sixteen = bytes[25] == 0 ? Sixteen.SATURATED : Sixteen.HIGH_BYTE;
      return Samples.rgb(name, reader.read(0), sixteen, Alpha.DROPPED);
    } finally {
      reader.dispose();
    }
  }

  private static RgbImage bmp(Path name, byte[] bytes, ImageInfo info) throws IOException {
    checkBmp(name, bytes);
    ImageReader reader = reader("bmp");
    try {
      open(name, reader, new ByteArrayImageInputStream(bytes), info);
      return Samples.rgb(name, reader.read(0), Sixteen.HIGH_BYTE, Alpha.DROPPED);
    } finally {
      reader.dispose();
    }
  }

  private static RgbImage gif(Path name, byte[] bytes, ImageInfo info) throws IOException {
    ImageReader reader = reader("gif");
    try {
      open(name, reader, new ByteArrayImageInputStream(bytes), info);
      RgbImage frame = Samples.rgb(name, reader.read(0), Sixteen.HIGH_BYTE, Alpha.DROPPED);
      return onScreen(reader, info, frame);
    } finally {
      reader.dispose();
    }
  }

  /** The reader allocates what the header says that the compressed pixels take. */
  private static void checkBmp(Path name, byte[] bytes) throws IOException {
    Head head = Head.of(bytes);
    if (head.i32(14, LITTLE_ENDIAN) == BMP_CORE_HEADER) {
      return;
    }
    long compression = head.u32(30, LITTLE_ENDIAN);
    long stored = head.u32(34, LITTLE_ENDIAN);
    if (compression == BMP_JPEG || compression == BMP_PNG) {
      throw new BadImageException(
          name, "is a BMP around a JPEG or PNG, which is not decoded here; save it as PNG first");
    }
    boolean runLengths = compression == BMP_RLE8 || compression == BMP_RLE4;
    if (runLengths && stored > bytes.length) {
      throw new BadImageException(
          name,
          "is corrupt or truncated: its header says %d bytes of pixels, the file has %d"
              .formatted(stored, bytes.length));
    }
  }

  private static ImageReader reader(String format) {
    return ImageIO.getImageReadersByFormatName(format).next();
  }

  /** Gives a reader its input; what it will allocate may not be more than was allowed. */
  static void open(Path name, ImageReader reader, ImageInputStream stream, ImageInfo info)
      throws IOException {
    reader.setInput(stream, true, false);
    int width = reader.getWidth(0);
    int height = reader.getHeight(0);
    if ((long) width * height > info.pixels()) {
      throw new BadImageException(
          name,
          "is corrupt: its header says "
              + info.width()
              + "x"
              + info.height()
              + " pixels, its data "
              + width
              + "x"
              + height);
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

  /** A first GIF frame that does not cover the screen lies on colour 0 or the transparent one. */
  private static RgbImage onScreen(ImageReader reader, ImageInfo info, RgbImage frame)
      throws IOException {
    int width = info.width();
    int height = info.height();
    if (width == frame.width() && height == frame.height()) {
      return frame;
    }
    IIOMetadataNode tree =
        (IIOMetadataNode) reader.getImageMetadata(0).getAsTree("javax_imageio_gif_image_1.0");
    IIOMetadataNode descriptor =
        (IIOMetadataNode) tree.getElementsByTagName("ImageDescriptor").item(0);
    int left = Integer.parseInt(descriptor.getAttribute("imageLeftPosition"));
    int top = Integer.parseInt(descriptor.getAttribute("imageTopPosition"));
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
}
