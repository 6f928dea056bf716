package org.jresnet.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** What a user should know about images before they are used, by their heads. */
public final class ImageNotes {
  /** Sides below this hold little to tell classes apart by. */
  public static final int TINY = 32;

  private ImageNotes() {}

  /** Reads the heads of files; those that cannot be read are reported when they are decoded. */
  public static List<String> read(Collection<Path> files, Preprocess preprocess) {
    return of(
        files.parallelStream().map(ImageNotes::info).filter(Objects::nonNull).toList(), preprocess);
  }

  private static ImageInfo info(Path file) {
    try {
      return ImageInfo.read(file);
    } catch (BadImageException e) {
      return null;
    }
  }

  /** At most one sentence about orientations, one about sizes, and one about decoders. */
  public static List<String> of(Collection<ImageInfo> images, Preprocess preprocess) {
    List<String> notes = new ArrayList<>();
    turned(images, preprocess).ifPresent(notes::add);
    small(images, preprocess.size()).ifPresent(notes::add);
    long onCpu = onCpu(images, preprocess);
    if (onCpu > 0) {
      notes.add(
          counted(onCpu, images.size(), "is", "are")
              + " decoded on the CPU, not by "
              + preprocess.decoding().jpeg().id()
              + ", which takes baseline JPEG files, grey or YCbCr, in one scan");
    }
    return notes;
  }

  /** Images that a device does not decode which decodes JPEG files; 0 where no device does. */
  public static long onCpu(Collection<ImageInfo> images, Preprocess preprocess) {
    return preprocess.decoding().jpeg().equals(JpegDecoder.CPU)
        ? 0
        : images.stream().filter(info -> !info.plainJpeg()).count();
  }

  private static Optional<String> turned(Collection<ImageInfo> images, Preprocess preprocess) {
    long turned = images.stream().filter(ImageInfo::isTurned).count();
    return turned == 0 || preprocess.decoding().orientation() == ImageDecoder.Orientation.APPLY
        ? Optional.empty()
        : Optional.of(
            counted(turned, images.size(), "carries", "carry")
                + " an EXIF orientation that turns the image, which is ignored, as Pillow does;"
                + " --exif-rotate applies it");
  }

  private static Optional<String> small(Collection<ImageInfo> images, int size) {
    long enlarged = images.stream().filter(i -> shorter(i) < size).count();
    long tiny = images.stream().filter(i -> shorter(i) < TINY).count();
    if (enlarged > 0) {
      return Optional.of(
          counted(enlarged, images.size(), "is", "are")
              + " smaller than the model's input of "
              + size
              + "x"
              + size
              + " and enlarged, which adds no detail"
              + (tiny > 0 ? "; " + tiny + " with a side below " + TINY + " pixels" : ""));
    }
    return tiny == 0
        ? Optional.empty()
        : Optional.of(
            counted(tiny, images.size(), "has", "have")
                + " a side below "
                + TINY
                + " pixels, too small to show much");
  }

  private static int shorter(ImageInfo image) {
    return Math.min(image.width(), image.height());
  }

  private static String counted(long some, int all, String one, String several) {
    return some + " of " + all + (all == 1 ? " image " : " images ") + (some == 1 ? one : several);
  }
}
