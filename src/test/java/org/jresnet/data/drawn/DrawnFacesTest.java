package org.jresnet.data.drawn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.jresnet.base.UserError;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DrawnFacesTest {
  private static final int PER_CLASS = 200;
  private static final int SIZE = 64;
  private static final DrawnFaces.Options FEW = new DrawnFaces.Options(4, 48, 5);

  @TempDir static Path shared;
  @TempDir Path folder;

  private static final List<Drawn> CAMERA = new ArrayList<>();
  private static final List<Drawn> GENERATED = new ArrayList<>();

  /** A decoded image, its luma and the bytes of its file. */
  private record Drawn(BufferedImage image, double[][] luma, byte[] file) {
    static Drawn read(Path path) throws IOException {
      byte[] file = Files.readAllBytes(path);
      BufferedImage image = ImageIO.read(path.toFile());
      double[][] luma = new double[image.getHeight()][image.getWidth()];
      for (int y = 0; y < luma.length; y++) {
        for (int x = 0; x < luma[y].length; x++) {
          int rgb = image.getRGB(x, y);
          luma[y][x] = 0.299 * (rgb >> 16 & 255) + 0.587 * (rgb >> 8 & 255) + 0.114 * (rgb & 255);
        }
      }
      return new Drawn(image, luma, file);
    }
  }

  @BeforeAll
  static void draw() throws IOException {
    Path data = shared.resolve("data");
    DrawnFaces.write(data, new DrawnFaces.Options(PER_CLASS, SIZE, 11), done -> {});
    for (int i = 0; i < PER_CLASS; i++) {
      String name = String.format(Locale.ROOT, "%05d.jpg", i);
      CAMERA.add(Drawn.read(data.resolve("camera").resolve(name)));
      GENERATED.add(Drawn.read(data.resolve("generated").resolve(name)));
    }
  }

  @Test
  void writesTwoFoldersAndSaysWhatTheyAre() throws IOException {
    Path out = folder.resolve("new/faces");
    AtomicInteger last = new AtomicInteger();
    DrawnFaces.write(out, FEW, done -> last.accumulateAndGet(done, Math::max));
    assertThat(last).hasValue(8);
    assertThat(names(out)).containsExactly("README.md", "camera", "generated");
    for (String kind : List.of("camera", "generated")) {
      assertThat(names(out.resolve(kind)))
          .containsExactly("00000.jpg", "00001.jpg", "00002.jpg", "00003.jpg");
    }
    BufferedImage image = ImageIO.read(out.resolve("generated/00003.jpg").toFile());
    assertThat(image.getWidth()).isEqualTo(48);
    assertThat(image.getHeight()).isEqualTo(48);
    assertThat(Files.readString(out.resolve("README.md")))
        .contains("4 images of 48 x 48 pixels per class", "(seed 5)", "It is no benchmark");
    assertThat(names(out.getParent())).containsExactly("faces");
  }

  @Test
  void sameImagesWhateverTheThreadsAndTheirNumber() throws Exception {
    Path parallel = folder.resolve("parallel");
    Path alone = folder.resolve("alone");
    DrawnFaces.write(parallel, FEW, done -> {});
    ForkJoinPool one = new ForkJoinPool(1);
    try {
      one.submit(() -> DrawnFaces.write(alone, new DrawnFaces.Options(2, 48, 5), done -> {})).get();
    } finally {
      one.shutdown();
    }
    for (String name :
        List.of(
            "camera/00000.jpg", "camera/00001.jpg", "generated/00000.jpg", "generated/00001.jpg")) {
      assertThat(alone.resolve(name)).hasSameBinaryContentAs(parallel.resolve(name));
    }
    Path other = folder.resolve("other");
    DrawnFaces.write(other, new DrawnFaces.Options(1, 48, 6), done -> {});
    assertThat(
            Files.mismatch(other.resolve("camera/00000.jpg"), parallel.resolve("camera/00000.jpg")))
        .isNotEqualTo(-1);
  }

  /**
   * A threshold on brightness, contrast or file size must not do the network's work. Half the
   * images are right by chance; 0.7 is the bound the demo promises, 0.55 is usual.
   */
  @Test
  void simpleFeaturesDoNotSeparateTheClasses() {
    for (int c = 0; c < 3; c++) {
      int shift = 8 * c;
      assertThat(separation(p -> moments(p, shift)[0])).as("mean, channel " + c).isLessThan(0.7);
      assertThat(separation(p -> moments(p, shift)[1])).as("deviation, " + c).isLessThan(0.7);
    }
    assertThat(separation(p -> p.file().length)).as("file size").isLessThan(0.7);
  }

  /**
   * What the network is to find: the sign of the second difference alternates like a chess board.
   */
  @Test
  void theGeneratorsCheckerboardIsThere() {
    assertThat(separation(DrawnFacesTest::checkerboard)).isGreaterThan(0.95);
    assertThat(mean(GENERATED, DrawnFacesTest::checkerboard))
        .isGreaterThan(3 * mean(CAMERA, DrawnFacesTest::checkerboard));
  }

  @Test
  void bothClassesUseTheSameEncoder() {
    List<Integer> camera = CAMERA.stream().map(p -> quantiser(p.file())).toList();
    List<Integer> generated = GENERATED.stream().map(p -> quantiser(p.file())).toList();
    // Quality 88 to 96: 16 · 24 % to 16 · 8 %, rounded.
    assertThat(camera).contains(1, 2, 3, 4).allMatch(q -> q >= 1 && q <= 4);
    assertThat(generated).contains(1, 2, 3, 4).allMatch(q -> q >= 1 && q <= 4);
    double difference =
        camera.stream().mapToInt(q -> q).average().orElseThrow()
            - generated.stream().mapToInt(q -> q).average().orElseThrow();
    assertThat(Math.abs(difference)).isLessThan(0.3);
    Stream.of(CAMERA, GENERATED)
        .flatMap(List::stream)
        .forEach(p -> assertThat(sampling(p.file())).containsExactly(0x22, 0x11, 0x11));
  }

  @Test
  void noSceneTwice() {
    List<double[]> coarse =
        Stream.of(CAMERA, GENERATED).flatMap(List::stream).map(DrawnFacesTest::coarse).toList();
    double nearest = Double.MAX_VALUE;
    for (int i = 0; i < coarse.size(); i++) {
      for (int j = 0; j < i; j++) {
        double sum = 0;
        for (int k = 0; k < coarse.get(i).length; k++) {
          sum += Math.abs(coarse.get(i)[k] - coarse.get(j)[k]);
        }
        nearest = Math.min(nearest, sum / coarse.get(i).length);
      }
    }
    // One scene through both pipelines differs by less than one level at this size.
    assertThat(nearest).isGreaterThan(3);
  }

  @Test
  void aFolderWithSomethingInItIsRefusedAndUntouched() throws IOException {
    Path note = Files.writeString(folder.resolve("note.txt"), "mine");
    assertThatThrownBy(() -> DrawnFaces.write(folder, FEW, done -> {}))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(folder + " holds note.txt")
        .hasMessageContaining("delete the folder or choose another");
    assertThat(names(folder)).containsExactly("note.txt");
    assertThatThrownBy(() -> DrawnFaces.write(note, FEW, done -> {}))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(note + " is a file");
    assertThatThrownBy(() -> DrawnFaces.write(note.resolve("faces"), FEW, done -> {}))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("cannot be written to " + note.resolve("faces"));
  }

  @Test
  void anEmptyFolderAndALinkToOneAreFilled() throws IOException {
    Path real = Files.createDirectory(folder.resolve("real"));
    Path link = Files.createSymbolicLink(folder.resolve("link"), real);
    DrawnFaces.write(link, FEW, done -> {});
    assertThat(names(real)).contains("README.md");
    assertThat(link).isSymbolicLink();
  }

  @Test
  void aFailureLeavesNothing() throws IOException {
    Path out = folder.resolve("faces");
    assertThatThrownBy(
            () ->
                DrawnFaces.write(
                    out,
                    FEW,
                    done -> {
                      if (done == 3) {
                        throw new IllegalStateException("stop");
                      }
                    }))
        .hasStackTraceContaining("stop");
    assertThat(names(folder)).isEmpty();
    // What a killed run left is no obstacle.
    Files.createDirectories(folder.resolve(".faces.tmp/camera"));
    Files.writeString(folder.resolve(".faces.tmp/camera/00009.jpg"), "half");
    DrawnFaces.write(out, FEW, done -> {});
    assertThat(names(out.resolve("camera"))).hasSize(4);
    assertThat(names(folder)).containsExactly("faces");
  }

  @Test
  void impossibleOptionsAreNamed() {
    assertThatThrownBy(() -> new DrawnFaces.Options(0, 64, 1))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("found 0");
    for (int size : new int[] {0, 28, 66, 1028}) {
      assertThatThrownBy(() -> new DrawnFaces.Options(1, size, 1))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("found " + size);
    }
  }

  private static List<String> names(Path folder) {
    return Arrays.stream(folder.toFile().listFiles()).map(File::getName).sorted().toList();
  }

  /** Share of images that the best single threshold gets right, in either direction. */
  private static double separation(ToDoubleFunction<Drawn> feature) {
    record Point(double value, int side) {}
    List<Point> points = new ArrayList<>();
    CAMERA.forEach(p -> points.add(new Point(feature.applyAsDouble(p), -1)));
    GENERATED.forEach(p -> points.add(new Point(feature.applyAsDouble(p), 1)));
    points.sort((a, b) -> Double.compare(a.value(), b.value()));
    int balance = 0;
    int best = 0;
    for (Point p : points) {
      balance += p.side();
      best = Math.max(best, Math.abs(balance));
    }
    return 0.5 + 0.5 * best / PER_CLASS;
  }

  private static double mean(List<Drawn> drawn, ToDoubleFunction<Drawn> feature) {
    return drawn.stream().mapToDouble(feature).average().orElseThrow();
  }

  private static double[] moments(Drawn p, int shift) {
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < SIZE * SIZE; i++) {
      int v = p.image().getRGB(i % SIZE, i / SIZE) >> shift & 255;
      sum += v;
      squares += v * v;
    }
    double mean = sum / (SIZE * SIZE);
    return new double[] {mean, Math.sqrt(squares / (SIZE * SIZE) - mean * mean)};
  }

  /** How much of the finest detail has the sign of a chess board, from 0 to 1. */
  private static double checkerboard(Drawn p) {
    double[][] v = p.luma();
    double signed = 0;
    double all = 0;
    for (int y = 1; y < SIZE - 1; y++) {
      for (int x = 1; x < SIZE - 1; x++) {
        double d = 4 * v[y][x] - v[y - 1][x] - v[y + 1][x] - v[y][x - 1] - v[y][x + 1];
        signed += (x + y & 1) == 0 ? d : -d;
        all += Math.abs(d);
      }
    }
    return Math.abs(signed) / all;
  }

  /** Luma in 8 x 8 blocks. */
  private static double[] coarse(Drawn p) {
    double[] out = new double[64];
    int block = SIZE / 8;
    for (int y = 0; y < SIZE; y++) {
      for (int x = 0; x < SIZE; x++) {
        out[y / block * 8 + x / block] += p.luma()[y][x] / (block * block);
      }
    }
    return out;
  }

  /** The luma quantiser of the mean, the first value of the first table. */
  private static int quantiser(byte[] jpeg) {
    return jpeg[segment(jpeg, 0xdb) + 5] & 255;
  }

  /** Sampling factors of the three components (0x22 is two by two). */
  private static int[] sampling(byte[] jpeg) {
    int at = segment(jpeg, 0xc0);
    return new int[] {jpeg[at + 11], jpeg[at + 14], jpeg[at + 17]};
  }

  private static int segment(byte[] jpeg, int marker) {
    for (int i = 2; ; i += 2 + ((jpeg[i + 2] & 255) << 8 | jpeg[i + 3] & 255)) {
      if ((jpeg[i + 1] & 255) == marker) {
        return i;
      }
    }
  }
}
