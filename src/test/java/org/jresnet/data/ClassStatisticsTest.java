package org.jresnet.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import javax.imageio.ImageIO;
import org.jresnet.data.Split.Part;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ClassStatisticsTest {
  @TempDir private Path folder;

  private Sample image(String id, int width, int height, String format, int label)
      throws IOException {
    Path file = folder.resolve(id);
    Files.createDirectories(file.getParent());
    ImageIO.write(
        new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB), format, file.toFile());
    return new Sample(file, id, label);
  }

  @Test
  void valuesOfEachClassAreDescribed() throws IOException {
    Path broken = folder.resolve("broken.jpg");
    Files.writeString(broken, "no image");
    List<Sample> samples =
        List.of(
            image("a/1.jpg", 40, 30, "jpg", 0),
            image("a/2.jpg", 40, 30, "jpg", 0),
            image("a/3.png", 60, 30, "png", 0),
            image("b/1.png", 64, 64, "png", 1),
            new Sample(broken, "b/broken.jpg", 1));
    AtomicInteger done = new AtomicInteger();
    ClassStatistics s =
        ClassStatistics.read(List.of("a", "b"), samples, n -> done.incrementAndGet(), () -> false);
    assertThat(done).hasValue(5);
    assertThat(s.labels()).containsExactly(0, 0, 0, 1);
    assertThat(s.unreadable()).containsOnlyKeys(broken.toString());
    assertThat(s.describe(ImageFeature.SIZE, 0)).isEqualTo("40x30 (2), 60x30 (1)");
    assertThat(s.describe(ImageFeature.SIZE, 1)).isEqualTo("64x64");
    assertThat(s.describe(ImageFeature.FORMAT, 0)).isEqualTo("JPEG (2), PNG (1)");
    assertThat(s.describe(ImageFeature.JPEG_QUALITY, 0)).isEqualTo("75 (2), no JPEG (1)");
    assertThat(s.describe(ImageFeature.ASPECT_RATIO, 0)).isEqualTo("1.33 to 2.00, median 1.33");
    assertThat(s.describe(ImageFeature.SHORTER_SIDE, 0)).isEqualTo("30");
    assertThat(s.categories(ImageFeature.SIZE)).containsExactly(0, 0, 1, 2);
    assertThat(s.numbers(ImageFeature.SHORTER_SIDE)).containsExactly(30, 30, 30, 64);
    assertThatThrownBy(() -> ClassStatistics.read(List.of("a", "b"), samples, n -> {}, () -> true))
        .hasMessageContaining("stopped");
  }

  @Test
  void sameBytesAreFoundAcrossClassesAndParts() {
    Sample a = new Sample(Path.of("a"), "real/a.jpg", 0);
    Sample b = new Sample(Path.of("b"), "real/b.jpg", 0);
    Sample c = new Sample(Path.of("c"), "fake/c.jpg", 1);
    Sample d = new Sample(Path.of("d"), "fake/d.jpg", 1);
    Sample e = new Sample(Path.of("e"), "fake/e.jpg", 1);
    Split split =
        new Split(
            List.of("real", "fake"),
            Map.of(Part.TRAIN, List.of(a, c), Part.VAL, List.of(b), Part.TEST, List.of(d, e)));
    Duplicates none =
        Duplicates.of(split.all(), Map.of(a.id(), "1", b.id(), "2", c.id(), "3", d.id(), "4"));
    assertThat(none.groups()).isEmpty();
    Duplicates some =
        Duplicates.of(
            split.all(), Map.of(a.id(), "1", b.id(), "1", c.id(), "3", d.id(), "1", e.id(), "5"));
    assertThat(some.groups()).containsExactly(List.of(d, a, b));
    assertThat(some.copies()).isEqualTo(2);
    assertThat(some.acrossClasses()).hasSize(1);
    assertThat(some.acrossParts(split)).hasSize(1);
    assertThat(some.trainedOn(split))
        .containsExactly(Map.entry(Part.VAL, 1), Map.entry(Part.TEST, 1));
  }
}
