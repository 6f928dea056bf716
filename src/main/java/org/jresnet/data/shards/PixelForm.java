package org.jresnet.data.shards;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.jresnet.base.Interpolation;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Augmentation;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.Preprocess;
import org.jresnet.data.RgbImage;
import org.jresnet.data.Scaling;

/**
 * How the images of pixel shards were made smaller before they were packed, see {@link
 * Preprocess#reduce}.
 *
 * @param size side of the network's input
 * @param mode how images are brought to it
 * @param resize as in {@link Scaling}
 * @param crop as in {@link Scaling}
 * @param interpolation of the pixels
 * @param orientation what was done about the EXIF orientation
 */
public record PixelForm(
    int size,
    Preprocess.Mode mode,
    int resize,
    int crop,
    Interpolation interpolation,
    ImageDecoder.Orientation orientation) {
  /** Of images that become the input of a network in this way. */
  public static PixelForm of(Preprocess preprocess) {
    Scaling scaling = preprocess.scaling();
    return new PixelForm(
        preprocess.size(),
        preprocess.mode(),
        scaling.resize(),
        scaling.crop(),
        scaling.interpolation(),
        preprocess.decoding().orientation());
  }

  /** A PPM file of the image. */
  static byte[] ppm(RgbImage image) {
    byte[] header =
        Text.format("P6\n%s %s\n255\n", image.width(), image.height())
            .getBytes(StandardCharsets.US_ASCII);
    byte[] file = new byte[header.length + image.rgb().length];
    System.arraycopy(header, 0, file, 0, header.length);
    System.arraycopy(image.rgb(), 0, file, header.length, image.rgb().length);
    return file;
  }

  /**
   * What a network that wants its input made so should know before it reads these images; nothing
   * where it gets the bits that it would get from the files.
   *
   * @throws UserError when the orientation was treated in another way
   */
  public static List<String> notes(
      Collection<Path> images, Preprocess preprocess, Augmentation augmentation) {
    return images.stream()
        .filter(ShardPath.class::isInstance)
        .map(path -> ((ShardPath) path).getFileSystem())
        .distinct()
        .flatMap(shards -> shards.manifest().form().stream())
        .distinct()
        .flatMap(form -> form.notes(preprocess, augmentation).stream())
        .toList();
  }

  private List<String> notes(Preprocess preprocess, Augmentation augmentation) {
    PixelForm wanted = of(preprocess);
    if (orientation != wanted.orientation) {
      throw new UserError(
          Text.format(
              "these shards hold pixels that were packed %s --exif-rotate, and images are wanted %s"
                  + " it; pack again, or choose the same here",
              with(orientation), with(wanted.orientation)));
    }
    List<String> notes = new ArrayList<>();
    if (!equals(wanted)) {
      notes.add(
          Text.format(
              "these shards hold pixels reduced for %s, and the input is %s: images are resized"
                  + " twice and differ a little from those of the files",
              text(), wanted.text()));
    }
    if (!augmentation.equals(Augmentation.NONE.withFlip(augmentation.flip()))) {
      notes.add(
          "these shards hold reduced pixels: crops, compression, blur and degradations start from"
              + " them, not from the files");
    }
    return notes;
  }

  private static String with(ImageDecoder.Orientation orientation) {
    return orientation == ImageDecoder.Orientation.APPLY ? "with" : "without";
  }

  private String text() {
    return Text.format(
        "--size %s --resize %s (%s)",
        size,
        mode.name().toLowerCase(java.util.Locale.ROOT),
        new Scaling(resize, crop, interpolation));
  }
}
