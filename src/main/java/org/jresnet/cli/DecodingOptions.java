package org.jresnet.cli;

import org.jresnet.data.ImageDecoder;
import picocli.CommandLine.Option;

/** How image files are decoded. */
@Heading("Images and data")
final class DecodingOptions {
  @Option(
      names = "--exif-rotate",
      description =
          "Turn images as their EXIF orientation says; by default they are used as they are stored,"
              + " as Pillow and torchvision do.")
  private boolean exifRotate;

  @Option(
      names = "--max-pixels",
      paramLabel = "N",
      defaultValue = "" + ImageDecoder.MAX_PIXELS,
      description =
          "Refuse images with more pixels. The default, Pillow's, is more than any camera delivers"
              + " in one shot. Above 25 million pixels the file must also be large enough for a"
              + " photograph.")
  @Within(min = 1, max = ImageDecoder.MOST_PIXELS)
  private long maxPixels;

  /** The options. */
  ImageDecoder.Options options() {
    return UsageError.unlessValid(
        () ->
            new ImageDecoder.Options(
                exifRotate ? ImageDecoder.Orientation.APPLY : ImageDecoder.Orientation.IGNORE,
                maxPixels));
  }
}
