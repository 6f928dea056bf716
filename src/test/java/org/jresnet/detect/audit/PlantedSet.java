package org.jresnet.detect.audit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jresnet.base.RandomStreams;
import org.jresnet.data.Augmentation;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.RgbImage;
import org.jresnet.data.drawn.DrawnFaces;

/** Sets of drawn faces of one kind, divided into two classes that differ in what a test plants. */
final class PlantedSet {
  /** What becomes of the n-th image of a class. */
  interface Change {
    byte[] file(RgbImage image, int number) throws IOException;
  }

  private PlantedSet() {}

  /** Drawn faces as the simulated camera sees them. */
  static List<Path> faces(Path folder, int count, int size) throws IOException {
    if (!Files.exists(folder)) {
      DrawnFaces.write(folder, new DrawnFaces.Options(count, size, 11), done -> {});
    }
    return ImageFolder.images(List.of(folder.resolve(DrawnFaces.CAMERA)));
  }

  /**
   * Writes every second face as {@code real}, changed by {@code real}, the others as {@code fake}.
   */
  static Path write(Path root, List<Path> faces, String ending, Change real, Change fake)
      throws IOException {
    for (int i = 0; i < faces.size(); i++) {
      Path folder = root.resolve(i % 2 == 0 ? "real" : "fake");
      Files.createDirectories(folder);
      byte[] file = (i % 2 == 0 ? real : fake).file(ImageDecoder.decode(faces.get(i)), i / 2);
      Files.write(folder.resolve("%04d%s".formatted(i / 2, ending)), file);
    }
    return root;
  }

  /**
   * JPEG with a random one of several qualities. They must not be the same numbers in both classes:
   * what is exactly balanced makes a cross-validated model guess wrong, not at random.
   */
  static Change jpeg(long seed, int lowest, int highest) {
    return (image, number) ->
        Augmentation.jpeg(
            image,
            lowest + RandomStreams.of(seed, "quality", number).nextInt(highest - lowest + 1));
  }
}
