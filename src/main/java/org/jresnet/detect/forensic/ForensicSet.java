package org.jresnet.detect.forensic;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jresnet.base.Csv;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.BadImageException;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.RgbImage;
import org.jresnet.data.drawn.ForensicFaces;
import org.jresnet.data.drawn.ForensicFaces.Kind;
import org.jresnet.detect.fingerprint.Remover;

/**
 * The images of the benchmark, {@code KIND/SCENE.jpg}. A scene is in one part alone, in every kind.
 * Besides {@link Kind} there are {@code autoencoder}, what a trained autoencoder makes of the
 * camera's image, and {@code KIND-removed}, what another one makes of a kind.
 */
final class ForensicSet {
  /** The parts of a detector's data. */
  enum Part {
    TRAIN,
    VAL,
    TEST
  }

  /** The kind that a trained autoencoder makes. */
  static final String AUTOENCODER = "autoencoder";

  static final String CAMERA = Kind.CAMERA.id();
  static final String BICUBIC = Kind.BICUBIC.id();
  static final String REAL = "real";
  static final String GENERATED = "generated";
  private static final String REMOVED = "-removed";

  /** Of ten scenes so many train; the next one is for validation. */
  private static final int TRAIN = 6;

  private final Path folder;
  private final ForensicSettings settings;
  private final ForensicFaces faces;

  ForensicSet(Path folder, ForensicSettings settings) {
    this.folder = folder;
    this.settings = settings;
    faces = new ForensicFaces(settings.size(), settings.seed());
  }

  /** Every kind of fake. */
  static List<String> generators() {
    List<String> all = new ArrayList<>();
    Stream.of(Kind.values()).filter(k -> !k.isReal()).map(Kind::id).forEach(all::add);
    all.add(AUTOENCODER);
    return all;
  }

  static String removed(String kind) {
    return kind + REMOVED;
  }

  Path folder() {
    return folder;
  }

  /** Scenes of a part: of ten in turn six, one and three. */
  List<Integer> scenes(Part part) {
    return IntStream.range(0, settings.scenes()).filter(s -> part(s) == part).boxed().toList();
  }

  private static Part part(int scene) {
    int digit = scene % 10;
    return digit < TRAIN ? Part.TRAIN : digit == TRAIN ? Part.VAL : Part.TEST;
  }

  /** Number of a scene within its part, so that every part takes all kinds in turn. */
  static int turn(int scene) {
    int tens = scene / 10;
    return switch (part(scene)) {
      case TRAIN -> TRAIN * tens + scene % 10;
      case VAL -> tens;
      case TEST -> (9 - TRAIN) * tens + scene % 10 - TRAIN - 1;
    };
  }

  /** Draws all scenes in all kinds that need no network. */
  void draw(IntConsumer progress) {
    AtomicInteger done = new AtomicInteger();
    Kind[] kinds = Kind.values();
    IntStream.range(0, settings.scenes() * kinds.length)
        .parallel()
        .forEach(
            i -> {
              Kind kind = kinds[i % kinds.length];
              int scene = i / kinds.length;
              write(kind.id(), scene, faces.draw(kind, scene));
              progress.accept(done.incrementAndGet());
            });
  }

  int drawings() {
    return settings.scenes() * Kind.values().length;
  }

  /** Makes the autoencoder's fakes of all scenes, before any compression as the other kinds. */
  void generate(Remover autoencoder) {
    for (int scene = 0; scene < settings.scenes(); scene++) {
      write(AUTOENCODER, scene, autoencoder.remove(faces.draw(Kind.CAMERA, scene)));
    }
  }

  /**
   * Removes the fingerprint of a kind's image, if that was not done yet.
   *
   * @return PSNR of the result before its own compression
   */
  double remove(String kind, int scene, Remover remover) {
    RgbImage before = image(kind, scene);
    RgbImage after = remover.remove(before);
    write(removed(kind), scene, after);
    return Remover.psnr(before, after);
  }

  private void write(String kind, int scene, RgbImage image) {
    Path file = file(kind, scene);
    try {
      Files.createDirectories(file.getParent());
      Files.write(file, faces.encode(image, scene));
    } catch (IOException e) {
      throw new UserError(Text.format("%s cannot be written: %s", file, e), e);
    }
  }

  Path file(String kind, int scene) {
    return folder.resolve(id(kind, scene));
  }

  private static String id(String kind, int scene) {
    return Text.format("%s/%05d.jpg", kind, scene);
  }

  /** An image as its JPEG file holds it. */
  RgbImage image(String kind, int scene) {
    try {
      return ImageDecoder.decode(file(kind, scene));
    } catch (BadImageException e) {
      throw new UserError(e.getMessage(), e);
    }
  }

  List<RgbImage> images(String kind, List<Integer> scenes) {
    return scenes.stream().map(scene -> image(kind, scene)).toList();
  }

  /**
   * The list of a detector's training and validation images, in the form of {@code --split-csv}.
   */
  void writeSplit(Detector detector, Path csv) {
    List<List<String>> rows = new ArrayList<>(List.of(List.of("file", "class", "split")));
    for (Part part : List.of(Part.TRAIN, Part.VAL)) {
      String name = part == Part.TRAIN ? "train" : "val";
      for (int scene : scenes(part)) {
        rows.add(List.of(id(detector.real(scene), scene), REAL, name));
        rows.add(List.of(id(detector.fake(scene), scene), GENERATED, name));
      }
    }
    Csv.write(csv, rows);
  }
}
