package org.jresnet.data;

import java.nio.file.Path;
import java.util.function.Function;
import org.jresnet.base.JsonField;
import org.jresnet.base.UserError;

/**
 * Decodes images to the pixels of Pillow's {@code Image.open(file).convert("RGB")}: JPEG (baseline
 * and progressive, every subsampling, grey, YCC, RGB, CMYK, YCCK), PNG (all 15 kinds, interlaced or
 * not), WebP (lossy and lossless), BMP, the first frame of GIF, the first page of the usual kinds
 * of TIFF, and PPM with one byte per sample.
 *
 * <p>As in Pillow, alpha is dropped, palettes are expanded, colour profiles and gamma are ignored,
 * RGB of 16 bits keeps its high byte, and grey of 16 bits is cut off at 255. Commons Imaging
 * recognises the format; samples come from ImageIO with TwelveMonkeys' readers, which agree with
 * libjpeg and libpng to the bit, and from libwebp.
 *
 * <p>Nothing is read at a reduced scale: no such shortcut gives Pillow's pixels. Damage that ends
 * no file early (a wrong PNG checksum of pixel data, a broken run of JPEG codes) is decoded as far
 * as it goes, as in Pillow; a PNG whose data end before its last row is refused, where Pillow
 * leaves the rest black.
 *
 * <p>Where {@link Options#jpeg} asks for a device, that decodes the JPEG files that it takes, to
 * pixels of its own. Which ones it takes says their header alone, see {@link ImageInfo#plainJpeg}.
 */
public final class ImageDecoder {
  /**
   * Pillow's limit against decompression bombs: 179 megapixels, more than any camera delivers in a
   * single shot (151 in 2026, but for telephones that interpolate to 200).
   */
  public static final long MAX_PIXELS = 178_956_970;

  /** As many as a Java array holds in RGB. */
  public static final long MOST_PIXELS = Integer.MAX_VALUE / 3;

  /** What is done about the orientation that a camera wrote. */
  public enum Orientation {
    /** The stored pixels are taken as they are, as Pillow and torchvision do. */
    IGNORE,
    /** The image is turned upright. */
    APPLY
  }

  /**
   * How images are decoded.
   *
   * @param orientation what happens to the EXIF orientation
   * @param maxPixels refuse larger images before they are decoded; {@value MOST_PIXELS} at most
   * @param jpeg what decodes JPEG files
   */
  public record Options(
      Orientation orientation,
      long maxPixels,
      @JsonField(whenAbsent = "\"cpu\"") JpegDecoder jpeg) {
    /** What Pillow does. */
    public static final Options DEFAULT = new Options(Orientation.IGNORE, MAX_PIXELS);

    /** Checks the limit. */
    public Options {
      if (maxPixels < 1 || maxPixels > MOST_PIXELS) {
        throw new UserError(
            "the largest number of pixels lies between 1 and "
                + MOST_PIXELS
                + ", found "
                + maxPixels);
      }
    }

    /** By this program's own decoders. */
    public Options(Orientation orientation, long maxPixels) {
      this(orientation, maxPixels, JpegDecoder.CPU);
    }

    /** The same with another decoder of JPEG files. */
    public Options withJpeg(JpegDecoder decoder) {
      return new Options(orientation, maxPixels, decoder);
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
   *     large or no image
   */
  public static RgbImage decode(Path file, Options options) throws BadImageException {
    return OpenedImage.of(file, options).decode();
  }

  /**
   * Decodes the bytes of an image.
   *
   * @param name what messages call it
   * @throws BadImageException as {@link #decode(Path, Options)}
   */
  public static RgbImage decode(Path name, byte[] bytes, Options options) throws BadImageException {
    return OpenedImage.of(name, bytes, options).decode();
  }

  /**
   * An image as a network takes it.
   *
   * @param pixels at the size of the network's input
   * @param width of the image as decoded
   * @param height likewise
   */
  public record Input(RgbImage pixels, int width, int height) {}

  /**
   * Decodes the bytes of an image and brings it to the size of a network's input. Threads that do
   * so at the same time share the heap: an image waits until there is room for its pixels.
   *
   * @param name what messages call it
   * @throws BadImageException as {@link #decode(Path, Options)}
   */
  public static Input input(Path name, byte[] bytes, Preprocess preprocess)
      throws BadImageException {
    return input(OpenedImage.of(name, bytes, preprocess.decoding()), preprocess);
  }

  /** The same of a file. */
  public static Input input(Path file, Preprocess preprocess) throws BadImageException {
    return input(OpenedImage.of(file, preprocess.decoding()), preprocess);
  }

  private static Input input(OpenedImage image, Preprocess preprocess) throws BadImageException {
    return withMemory(
        image, decoded -> new Input(preprocess.apply(decoded), decoded.width(), decoded.height()));
  }

  /**
   * Decodes a file and makes it smaller, see {@link Preprocess#reduce}; waits as {@link
   * #input(Path, Preprocess)}.
   */
  public static RgbImage reduced(Path file, Preprocess preprocess) throws BadImageException {
    return withMemory(OpenedImage.of(file, preprocess.decoding()), preprocess::reduce);
  }

  private static <T> T withMemory(OpenedImage image, Function<RgbImage, T> use)
      throws BadImageException {
    int share = DecodingMemory.HEAP.take(image.memory());
    try {
      return use.apply(image.decode());
    } finally {
      DecodingMemory.HEAP.give(share);
    }
  }
}
