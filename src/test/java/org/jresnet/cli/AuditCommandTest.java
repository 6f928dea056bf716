package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.jresnet.cli.Cli.Result;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.detect.audit.AuditFolder;
import org.jresnet.detect.audit.AuditReport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** {@code jresnet audit} as a user meets it, and what it says to sets that it cannot use. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class AuditCommandTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Path faces;

  @BeforeAll
  void draw(@TempDir Path shared) {
    faces = shared.resolve("faces");
    DrawnFaces.write(faces, new DrawnFaces.Options(30, 64, 1), done -> {});
  }

  @Test
  void summaryReportAndImagesAreWritten(@TempDir Path folder) throws IOException {
    Path out = folder.resolve("audit");
    Result result = jresnet("audit", faces, "--out", out);
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.out())
        .contains("60 images in 2 classes")
        .contains("Class 'camera': 30 images")
        .contains("size 64x64; format JPEG; colours colour")
        .contains("Metadata opponent, which sees no face (60 images, 5 folds)")
        .contains("Saved as " + out.resolve("audit.json"));
    AuditReport report = AuditFolder.read(out);
    assertThat(report.images()).isEqualTo(60);
    assertThat(out.resolve("spectrum.png")).exists();
    assertThat(out.resolve("examples.png")).exists();
    Result again = jresnet("audit", faces, "--out", out);
    assertThat(again.code()).isEqualTo(1);
    assertThat(again.err()).contains("audit.json exists; use --overwrite");
    assertThat(jresnet("audit", faces, "--out", out, "--overwrite").code()).isZero();
    assertThat(jresnet("audit", faces, "--out", faces.resolve("audit")).err())
        .contains("--out " + faces.resolve("audit") + " lies inside of the set");
    assertThat(faces.resolve("audit")).doesNotExist();
  }

  @Test
  void problemsEndInThreeIfThatIsAskedFor(@TempDir Path folder) throws IOException {
    Path set = folder.resolve("set");
    copy("real", set.resolve("real"));
    copy("fake", set.resolve("fake"));
    Files.copy(set.resolve("real/00001.jpg"), set.resolve("fake/x.jpg"));
    assertThat(jresnet("audit", set).code()).isZero();
    Result strict = jresnet("audit", set, "--strict", "--json");
    assertThat(strict.code()).isEqualTo(3);
    JsonNode values = JSON.readTree(strict.out());
    assertThat(values.at("/images").asInt()).isEqualTo(61);
    assertThat(values.at("/opponent/file/auc_interval")).hasSize(2);
    assertThat(values.findValuesAsText("id")).contains("same-bytes");
    assertThat(values.at("/findings/0/severity").asText()).isEqualTo("serious");
    assertThat(values.at("/findings/0/advice").asText()).isNotEmpty();
    assertThat(strict.err()).contains("SERIOUS same-bytes");
  }

  private void copy(String kind, Path target) throws IOException {
    Files.createDirectories(target);
    Path source = faces.resolve(kind.equals("real") ? "camera" : "generated");
    try (Stream<Path> files = Files.list(source)) {
      for (Path file : files.toList()) {
        Files.copy(file, target.resolve(file.getFileName()));
      }
    }
  }

  @Test
  void setsOfFakesAreRecognised(@TempDir Path folder) throws IOException {
    copy("real", folder.resolve("set/TPDNE"));
    copy("fake", folder.resolve("set/stylegan2"));
    Result result = jresnet("audit", folder.resolve("set"), "--strict");
    assertThat(result.code()).isEqualTo(3);
    assertThat(result.out())
        .contains("SERIOUS fakes-only")
        .contains("VGGFace2 and CASIA-WebFace")
        .contains("train with --sources");
  }

  @Test
  void equalisedCopyIsWrittenAndTriedAgain(@TempDir Path folder) throws IOException {
    Path copy = folder.resolve("copy");
    Result result = jresnet("audit", faces, "--equalise", copy, "--seed", 3, "--json");
    assertThat(result.code()).as(result.err()).isZero();
    JsonNode values = JSON.readTree(result.out());
    assertThat(values.at("/equalised/images").asInt()).isEqualTo(60);
    assertThat(values.at("/equalised/opponent/all/auc").isNumber()).isTrue();
    assertThat(copy.resolve("camera/00029.jpg")).exists();
    assertThat(JSON.readTree(copy.resolve("equalised.json").toFile()).at("/side").asInt())
        .isEqualTo(32);
    byte[] first = Files.readAllBytes(copy.resolve("camera/00000.jpg"));
    Result again = jresnet("audit", faces, "--equalise", copy);
    assertThat(again.code()).isEqualTo(1);
    assertThat(again.err()).contains("is not empty; name a new folder, nothing is replaced");
    Path same = folder.resolve("same");
    assertThat(jresnet("audit", faces, "--equalise", same, "--seed", 3).code()).isZero();
    assertThat(Files.readAllBytes(same.resolve("camera/00000.jpg"))).isEqualTo(first);
    assertThat(jresnet("audit", faces, "--equalise", faces.resolve("in")).err())
        .contains("lies inside of the set");
  }

  @Test
  void twoImagesNeverGetOneName(@TempDir Path folder) throws IOException {
    copy("real", folder.resolve("set/real"));
    copy("fake", folder.resolve("set/fake"));
    Files.copy(folder.resolve("set/fake/00001.jpg"), folder.resolve("set/fake/00001.png"));
    Result result = jresnet("audit", folder.resolve("set"), "--equalise", folder.resolve("copy"));
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err()).contains("two images would become fake/00001.jpg");
    assertThat(folder.resolve("copy")).doesNotExist();
  }

  /** Sets that are no sets, each with what is wrong and no trace of a stack. */
  @Test
  void badInputIsNamed(@TempDir Path folder) throws IOException {
    Path empty = Files.createDirectory(folder.resolve("empty"));
    refused("does not exist", folder.resolve("nowhere"));
    refused("found an empty folder", empty);
    Path one = folder.resolve("one");
    copy("real", one.resolve("real"));
    refused("found only 'real'", one);
    Files.createDirectory(one.resolve("fake"));
    refused("of class 'fake', found none", one);
    refused("is a file", one.resolve("real/00000.jpg"));
    Result group = jresnet("audit", faces, "--group", "(");
    assertThat(group.code()).isEqualTo(2);
    Result unmatched = jresnet("audit", faces, "--group", "person\\d+");
    assertThat(unmatched.code()).isEqualTo(1);
    assertThat(unmatched.err()).contains("does not match 'camera/00000.jpg'").hasLineCount(1);
  }

  private static void refused(String reason, Path data) {
    Result result = jresnet("audit", data);
    assertThat(result.code()).as(data.toString()).isEqualTo(1);
    assertThat(result.err()).contains(reason).hasLineCount(1);
    assertThat(result.out()).isEmpty();
  }

  /** One image a class, none of them readable: nothing to measure, and that is said. */
  @Test
  void fewAndUnreadableImagesAreNoFailure(@TempDir Path folder) throws IOException {
    for (String kind : List.of("real", "fake")) {
      Files.createDirectories(folder.resolve(kind));
      Files.writeString(folder.resolve(kind + "/1.jpg"), "no image");
    }
    Result unreadable = jresnet("audit", folder, "--strict");
    assertThat(unreadable.code()).as(unreadable.err()).isEqualTo(3);
    assertThat(unreadable.out())
        .contains("SERIOUS unreadable")
        .contains("2 images cannot be decoded; the classes [fake, real] have no other")
        .contains("Metadata opponent: not run, it needs two classes of at least 20 images");
    assertThat(jresnet("audit", folder, "--equalise", folder.resolveSibling("copy")).err())
        .contains("there is nothing to equalise");
    for (String kind : List.of("real", "fake")) {
      Files.copy(
          faces.resolve(kind.equals("real") ? "camera/00000.jpg" : "generated/00000.jpg"),
          folder.resolve(kind + "/2.jpg"));
      Files.delete(folder.resolve(kind + "/1.jpg"));
    }
    Result single = jresnet("audit", folder, "--strict");
    assertThat(single.code()).as(single.out()).isZero();
    assertThat(single.out()).contains("Class 'fake': 1 image").contains("NOTE opponent-not-run");
  }

  @Test
  void thousandsOfClassesAreSummarised(@TempDir Path folder) throws IOException {
    Path image = faces.resolve("camera/00000.jpg");
    for (int i = 0; i < 2000; i++) {
      Path target = folder.resolve(String.format(Locale.ROOT, "c%04d/1.jpg", i));
      Files.createDirectory(target.getParent());
      Files.createLink(target, image);
    }
    Result result = jresnet("audit", folder);
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.out())
        .contains("2000 images in 2000 classes")
        .contains("and 1990 more classes")
        .contains("1 image is there more than once, byte for byte");
  }
}
