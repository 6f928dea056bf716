package org.jresnet.detect.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.jresnet.base.Json;
import org.jresnet.base.Stopped;
import org.jresnet.base.UserError;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Grouping;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.Resize;
import org.jresnet.data.Sample;
import org.jresnet.detect.audit.AuditReport.Attempt;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What is planted is found, what is not there is not, and an equalised copy has lost it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class AuditTest {
  private static final int FACES = 300;

  private List<Path> faces;

  @BeforeAll
  void draw(@TempDir Path folder) throws IOException {
    faces = PlantedSet.faces(folder.resolve("drawn"), FACES, 64);
  }

  private static AuditReport audit(Path root, String group) {
    return Audit.of(root, group).run(2, done -> {}, () -> false);
  }

  private static AuditReport equalised(Path root, Path copy) {
    Audit audit = Audit.of(root, "");
    Equaliser.Result result = Equaliser.of(audit, copy, 1).write(2, done -> {}, () -> false);
    assertThat(result.leftOut()).isEmpty();
    assertThat(result.images()).isEqualTo(FACES);
    return audit(copy, "");
  }

  private static void holdsChance(AuditReport report) {
    assertThat(report.opponent().attempts()).hasSize(3);
    for (Attempt a : report.opponent().attempts()) {
      assertThat(a.low()).as(a.toString()).isLessThanOrEqualTo(0.5);
      assertThat(a.high()).as(a.toString()).isGreaterThanOrEqualTo(0.5);
    }
  }

  private static List<String> ids(AuditReport report) {
    return report.findings().stream().map(Finding::id).toList();
  }

  @Test
  void classesOfOneHistoryAreNotTold(@TempDir Path folder) throws IOException {
    Path set =
        PlantedSet.write(
            folder.resolve("set"),
            faces,
            ".jpg",
            PlantedSet.jpeg(1, 80, 95),
            PlantedSet.jpeg(2, 80, 95));
    AuditReport report = audit(set, "");
    holdsChance(report);
    assertThat(report.hasProblems()).as(report.findings().toString()).isFalse();
    assertThat(report.nearDuplicates().groups()).isZero();
    assertThat(report.classes().get(0).spectrum()).hasSize(32);
  }

  /** The truth is known where labels are drawn: 0.5. */
  @Test
  void intervalsOfTheOpponentHoldTheTruth(@TempDir Path folder) throws IOException {
    Path set =
        PlantedSet.write(
            folder.resolve("set"),
            faces,
            ".jpg",
            PlantedSet.jpeg(8, 80, 95),
            PlantedSet.jpeg(9, 80, 95));
    Readings read = Audit.of(set, "").read(2, done -> {}, () -> false);
    int trials = 40;
    int[] held = new int[3];
    for (int t = 0; t < trials; t++) {
      SplittableRandom random = new SplittableRandom(t);
      List<Sample> drawn =
          read.samples().stream()
              .map(s -> new Sample(s.file(), s.id(), random.nextInt(2)))
              .toList();
      Readings labels =
          new Readings(read.classes(), drawn, read.parts(), read.facts(), read.problems());
      List<Attempt> attempts = MetadataOpponent.run(labels, Grouping.of(""), 0).attempts();
      for (int a = 0; a < held.length; a++) {
        held[a] += attempts.get(a).low() <= 0.5 && attempts.get(a).high() >= 0.5 ? 1 : 0;
      }
    }
    // 38 are expected; fewer than 34 of 40 would be one in a thousand.
    assertThat(Arrays.stream(held).min().orElseThrow()).isGreaterThanOrEqualTo(34);
  }

  /** The classic trap: one class was saved at a lower quality. */
  @Test
  void plantedJpegDifferenceIsFoundAndEqualised(@TempDir Path folder) throws IOException {
    Path set =
        PlantedSet.write(
            folder.resolve("set"),
            faces,
            ".jpg",
            PlantedSet.jpeg(3, 88, 96),
            PlantedSet.jpeg(4, 60, 75));
    AuditReport report = audit(set, "");
    Attempt file = report.opponent().attempts().get(0);
    assertThat(file.features()).isEqualTo("file");
    assertThat(file.auc()).isGreaterThanOrEqualTo(0.95);
    assertThat(file.low()).isGreaterThan(0.9);
    assertThat(ids(report)).contains("opponent-file", "shortcuts");
    assertThat(report.shortcuts())
        .extracting(AuditReport.Shortcut::feature)
        .contains("JPEG quality");
    assertThat(report.findings().get(0).severity()).isEqualTo(Finding.Severity.SERIOUS);
    assertThat(report.findings())
        .anySatisfy(f -> assertThat(f.text()).contains("may be the codec, not the face"));
    AuditReport after = equalised(set, folder.resolve("copy"));
    holdsChance(after);
    assertThat(ids(after)).doesNotContain("opponent-file", "shortcuts");
  }

  /** Of three classes the one that is told best is named. */
  @Test
  void classThatGivesItselfAwayIsNamed(@TempDir Path folder) throws IOException {
    Path set = folder.resolve("set");
    List<String> names = List.of("camera-a", "camera-b", "generator");
    for (int i = 0; i < 240; i++) {
      String name = names.get(i % 3);
      PlantedSet.Change change =
          name.equals("camera-b") ? PlantedSet.jpeg(20, 60, 65) : PlantedSet.jpeg(i % 3, 80, 95);
      Path file = set.resolve(name + "/" + i + ".jpg");
      Files.createDirectories(file.getParent());
      Files.write(file, change.file(ImageDecoder.decode(faces.get(i)), i));
    }
    AuditReport report = audit(set, "");
    assertThat(report.opponent().images()).isEqualTo(240);
    Attempt file = report.opponent().attempts().get(0);
    assertThat(file.className()).isEqualTo("camera-b");
    assertThat(file.auc()).isGreaterThanOrEqualTo(0.95);
    assertThat(file.strongest()).containsKey("compression");
    assertThat(report.findings())
        .anySatisfy(f -> assertThat(f.text()).contains("tells 'camera-b' from the rest"));
    assertThat(report.spectrum().effect()).hasSize(32);
  }

  /** The other classic: one class is PNG. */
  @Test
  void plantedFormatIsFoundAndEqualised(@TempDir Path folder) throws IOException {
    Path set =
        PlantedSet.write(
            folder.resolve("set"), faces, ".img.png", PlantedSet.jpeg(5, 70, 90), Pngs::png);
    AuditReport report = audit(set, "");
    assertThat(report.opponent().attempts().get(0).auc()).isEqualTo(1, within(1e-9));
    assertThat(ids(report)).contains("shortcuts", "opponent-file");
    AuditReport after = equalised(set, folder.resolve("copy"));
    holdsChance(after);
    assertThat(after.classes().get(0).values().get("format")).containsOnlyKeys("JPEG");
  }

  /**
   * One class was enlarged once. Its files then look like all others; that its images are softer
   * stays, and the audit of the copy still says so.
   */
  @Test
  void plantedSizeIsFoundAndWhatIsLostIsReported(@TempDir Path folder) throws IOException {
    Path set =
        PlantedSet.write(
            folder.resolve("set"),
            faces,
            ".jpg",
            PlantedSet.jpeg(6, 80, 95),
            (image, i) -> PlantedSet.jpeg(7, 80, 95).file(Resize.bilinear(image, 128, 128), i));
    AuditReport report = audit(set, "");
    assertThat(ids(report)).contains("shortcuts", "opponent-file");
    AuditReport after = equalised(set, folder.resolve("copy"));
    assertThat(after.classes().get(0).values().get("size")).containsOnlyKeys("32x32");
    assertThat(ids(after)).doesNotContain("shortcuts", "opponent-file");
    assertThat(ids(after)).contains("opponent-pixels");
    assertThat(after.opponent().attempts().get(1).strongest()).containsKey("noise");
  }

  @Test
  void copiesAndUnreadableFilesAreCounted(@TempDir Path folder) throws IOException {
    Path set =
        PlantedSet.write(
            folder.resolve("set"),
            faces.subList(0, 60),
            ".jpg",
            PlantedSet.jpeg(7, 80, 95),
            PlantedSet.jpeg(8, 80, 95));
    Files.copy(set.resolve("real/0001.jpg"), set.resolve("fake/same-bytes.jpg"));
    // The same pixels with a comment behind the start marker.
    byte[] jpeg = Files.readAllBytes(set.resolve("real/0002.jpg"));
    byte[] commented = new byte[jpeg.length + 6];
    System.arraycopy(jpeg, 0, commented, 0, 2);
    System.arraycopy(new byte[] {(byte) 0xFF, (byte) 0xFE, 0, 4, 'h', 'i'}, 0, commented, 2, 6);
    System.arraycopy(jpeg, 2, commented, 8, jpeg.length - 2);
    Files.write(set.resolve("real/same-pixels.jpg"), commented);
    Files.write(
        set.resolve("real/saved-again.jpg"),
        Augmentation.jpeg(ImageDecoder.decode(set.resolve("real/0003.jpg")), 60));
    Files.writeString(set.resolve("fake/broken.jpg"), "no image");
    AuditReport report = audit(set, "");
    assertThat(report.images()).isEqualTo(64);
    assertThat(report.unreadable()).isEqualTo(1);
    assertThat(report.sameBytes().groups()).isEqualTo(1);
    assertThat(report.sameBytes().acrossClasses()).isEqualTo(1);
    assertThat(report.sameBytes().examples())
        .containsExactly(List.of("fake/same-bytes.jpg", "real/0001.jpg"));
    assertThat(report.samePixels().examples())
        .containsExactly(List.of("real/0002.jpg", "real/same-pixels.jpg"));
    assertThat(report.nearDuplicates().examples())
        .containsExactly(List.of("real/0003.jpg", "real/saved-again.jpg"));
    assertThat(ids(report)).contains("unreadable", "same-bytes", "same-pixels", "near-duplicates");
    assertThat(report.classes().get(0).unreadable()).containsOnlyKeys("fake/broken.jpg");
  }

  @Test
  void partsAndGroupsAreCompared(@TempDir Path folder) throws IOException {
    Path set = folder.resolve("set");
    for (int i = 0; i < 48; i++) {
      String part = i < 32 ? "train" : "val";
      // 16 persons; those of val are there in train, too, but for the last four.
      int person = i < 32 ? i % 12 : i % 16;
      Path file =
          set.resolve("%s/%s/p%02d-%d.jpg".formatted(part, i % 2 == 0 ? "a" : "b", person, i));
      Files.createDirectories(file.getParent());
      Files.copy(faces.get(i), file);
    }
    Files.copy(set.resolve("train/a/p00-0.jpg"), set.resolve("val/a/p00-copy.jpg"));
    AuditReport report = audit(set, "p\\d+");
    assertThat(report.classes().get(0).parts()).containsEntry("train", 16).containsEntry("val", 9);
    assertThat(report.sameBytes().acrossParts()).isEqualTo(1);
    assertThat(report.sameBytes().acrossClasses()).isZero();
    assertThat(report.groups()).hasSize(1);
    assertThat(report.groups().get(0).groups()).isEqualTo(16);
    assertThat(report.groups().get(0).acrossParts()).isEqualTo(12);
    assertThat(ids(report)).contains("groups-across-parts", "same-bytes");
    assertThatThrownBy(() -> audit(set, "q\\d+"))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("does not match");
  }

  /** Groups that are as good as classes: with them in one fold, nothing can be learned. */
  @Test
  void groupsStayInOneFold(@TempDir Path folder) throws IOException {
    Path set = folder.resolve("set");
    for (int i = 0; i < 200; i++) {
      // Each of 20 sources has one class and one quality of its own.
      int source = i % 20;
      Path file =
          set.resolve("%s/s%02d-%03d.jpg".formatted(source % 2 == 0 ? "a" : "b", source, i));
      Files.createDirectories(file.getParent());
      Files.write(
          file, Augmentation.jpeg(ImageDecoder.decode(faces.get(i)), 50 + source * 7 % 20 * 2));
    }
    double open = audit(set, "").opponent().attempts().get(0).auc();
    Attempt grouped = audit(set, "s\\d+").opponent().attempts().get(0);
    assertThat(open).isGreaterThan(grouped.auc() + 0.1);
    // Ten sources on each side: an interval far wider than that of a hundred images.
    assertThat(grouped.high() - grouped.low()).isGreaterThan(0.3);
  }

  @Test
  void sameReportWhateverTheThreads(@TempDir Path folder) throws IOException {
    Path set =
        PlantedSet.write(
            folder.resolve("set"),
            faces.subList(0, 100),
            ".jpg",
            PlantedSet.jpeg(9, 80, 95),
            PlantedSet.jpeg(10, 70, 95));
    AtomicInteger seen = new AtomicInteger();
    AuditReport one = Audit.of(set, "").run(1, done -> seen.incrementAndGet(), () -> false);
    AuditReport four = Audit.of(set, "").run(4, done -> {}, () -> false);
    assertThat(four).isEqualTo(one);
    assertThat(seen).hasValue(100);
    Path out = folder.resolve("out");
    AuditFolder.open(out, false);
    AuditFolder.write(out, one, set);
    assertThat(AuditFolder.read(out)).isEqualTo(one);
    assertThat(Json.line(one)).contains("\"findings\":[", "\"frequencies\":[");
    assertThat(Files.size(out.resolve(AuditFolder.SPECTRUM))).isGreaterThan(2000);
    assertThat(Files.size(out.resolve(AuditFolder.EXAMPLES))).isGreaterThan(2000);
    assertThatThrownBy(() -> AuditFolder.open(out, false)).hasMessageContaining("--overwrite");
    AuditFolder.open(out, true);
    assertThatThrownBy(() -> Audit.of(set, "").run(2, done -> {}, () -> true))
        .isInstanceOf(Stopped.class);
  }
}
