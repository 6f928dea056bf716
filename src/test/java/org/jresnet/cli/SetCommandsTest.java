package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jresnet.base.Csv;
import org.jresnet.cli.Cli.Result;
import org.jresnet.data.drawn.DrawnFaces;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code compare}, {@code matrix} and {@code predict --stability}. */
final class SetCommandsTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private static Path folder;
  private static Path one;
  private static Path two;
  private static Path near;
  private static Path far;

  @TempDir private Path own;

  @BeforeAll
  static void train() {
    near = folder.resolve("near");
    far = folder.resolve("far");
    DrawnFaces.write(near, new DrawnFaces.Options(20, 32, 1), done -> {});
    DrawnFaces.write(far, new DrawnFaces.Options(10, 32, 9), done -> {});
    one = run("one", 1);
    two = run("two", 3);
  }

  private static Path run(String name, int epochs) {
    Path run = folder.resolve(name);
    Result result =
        Cli.jresnet(
            "train",
            near,
            "--out",
            run,
            "--model=resnet18",
            "--width=4",
            "--size=32",
            "--batch=8",
            "--precision=fp32",
            "--epochs",
            epochs);
    assertThat(result.code()).as(result.err()).isZero();
    return run;
  }

  private static Result jresnet(Object... more) {
    return Cli.jresnet(Stream.concat(Stream.of(more), Stream.of("--precision=fp32")).toArray());
  }

  @Test
  void aComparisonHasIntervalsAndPValues() throws IOException {
    Result text = jresnet("compare", one, two, far);
    assertThat(text.code()).as(text.err()).isZero();
    assertThat(text.out())
        .contains("on the same 20 images")
        .contains("McNemar's p")
        .contains("DeLong's p")
        .contains("difference");
    JsonNode c = JSON.readTree(jresnet("compare", one, two, far, "--json").out());
    JsonNode first = JSON.readTree(jresnet("evaluate", one, far, "--json").out());
    JsonNode second = JSON.readTree(jresnet("evaluate", two, far, "--json").out());
    assertThat(c.at("/accuracy/first")).isEqualTo(first.get("accuracy"));
    assertThat(c.at("/accuracy/second")).isEqualTo(second.get("accuracy"));
    assertThat(c.at("/auc/first")).isEqualTo(first.get("auc"));
    assertThat(c.at("/auc/second")).isEqualTo(second.get("auc"));
    assertThat(c.get("mcnemar_p").asDouble()).isBetween(0.0, 1.0);
    JsonNode same = JSON.readTree(jresnet("compare", one, one, far, "--json").out());
    assertThat(same.get("only_first").asInt()).isZero();
    assertThat(same.get("mcnemar_p").asDouble()).isEqualTo(1);
    assertThat(same.at("/auc/difference").asDouble()).isZero();
    assertThat(jresnet("compare", one, two, far, "--group=/(\\d{4})").err())
        .contains("with groups, go by the intervals");
  }

  @Test
  void aMatrixIsATableAndThreeFiles() throws IOException {
    Path out = own.resolve("matrix");
    Result result = jresnet("matrix", one, two, "--sets", near, far, "--out", out);
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.out()).contains("AUC, with 95 % intervals").contains("near").contains("far");
    JsonNode matrix = JSON.readTree(out.resolve("matrix.json").toFile());
    assertThat(matrix.get("cells")).hasSize(4);
    assertThat(matrix.at("/cells/2/run").asText()).isEqualTo("two");
    assertThat(matrix.at("/cells/2/set").asText()).isEqualTo("near");
    JsonNode evaluated = JSON.readTree(jresnet("evaluate", two, far, "--json").out());
    for (String key : List.of("accuracy", "auc", "eer", "auc_interval", "images")) {
      assertThat(matrix.at("/cells/3").get(key)).as(key).isEqualTo(evaluated.get(key));
    }
    assertThat(matrix.at("/cells/2/images_of_train").asInt()).isEqualTo(28);
    assertThat(matrix.at("/cells/3/images_of_train").asInt()).isZero();
    assertThat(result.err())
        .contains("trained on 28 of these 40 images")
        .contains("6 of these 40 images are the sealed test set of the run");
    assertThat(result.out()).contains("! the model has seen some of these images");
    assertThat(matrix.get("command").asText()).startsWith("./jresnet matrix");
    assertThat(Csv.read(out.resolve("matrix.csv"))).hasSize(5);
    assertThat(Files.size(out.resolve("matrix.png"))).isGreaterThan(3000);
    Result again = jresnet("matrix", one, "--sets", far, "--out", out);
    assertThat(again.code()).isEqualTo(1);
    assertThat(again.err()).contains("matrix.json exists; use --overwrite");
    assertThat(jresnet("matrix", one, "--sets", far, "--out", out, "--overwrite").code()).isZero();
  }

  @Test
  void wrongModelsAndSetsAreRefusedBeforeAnyWork() throws IOException {
    Path other = own.resolve("other");
    for (String name : List.of("cat", "dog")) {
      Files.createDirectories(other.resolve(name));
      Files.copy(near.resolve("camera/00000.jpg"), other.resolve(name).resolve("0.jpg"));
    }
    Path out = own.resolve("matrix");
    Result result = jresnet("matrix", one, "--sets", near, other, "--out", out);
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err()).contains("named as the model's classes").contains("[cat, dog]");
    assertThat(result.out()).doesNotContain("Accuracy");
    Path empty = Files.createDirectories(own.resolve("empty"));
    assertThat(jresnet("matrix", one, "--sets", empty, "--out", out).err()).contains("found none");
    assertThat(jresnet("compare", one, two, empty).err()).contains("found none");
    assertThat(jresnet("compare", one, own.resolve("missing"), far).code()).isEqualTo(1);
    assertThat(jresnet("matrix", one, "--sets", far).code()).isEqualTo(2);
  }

  /** A single image of one class: an accuracy, and dashes where two classes are needed. */
  @Test
  void oneImageHasNoArea() throws IOException {
    Path set = own.resolve("single");
    Files.createDirectories(set.resolve("camera"));
    Files.copy(far.resolve("camera/00000.jpg"), set.resolve("camera/0.jpg"));
    Path out = own.resolve("matrix");
    Result result = jresnet("matrix", one, "--sets", set, "--out", out);
    assertThat(result.code()).as(result.err()).isZero();
    JsonNode cell = JSON.readTree(out.resolve("matrix.json").toFile()).at("/cells/0");
    assertThat(cell.get("images").asInt()).isOne();
    assertThat(cell.has("auc")).isFalse();
    Result compared = jresnet("compare", one, two, set);
    assertThat(compared.code()).as(compared.err()).isZero();
    assertThat(compared.out()).contains("accuracy").doesNotContain("AUC");
    Files.writeString(set.resolve("camera/1.jpg"), "no image");
    Result bad = jresnet("matrix", one, "--sets", set, "--out", own.resolve("bad"));
    assertThat(bad.code()).isEqualTo(1);
    assertThat(bad.err()).contains("1 image left out that could not be decoded");
  }

  @Test
  void stabilityIsARangeAndFlips() throws IOException {
    Path image = far.resolve("generated/00001.jpg");
    Result text = jresnet("predict", two, image, "--stability");
    assertThat(text.code()).as(text.err()).isZero();
    assertThat(text.out()).containsPattern("(stable|unstable): .* of 10 mild changes");
    JsonNode values = JSON.readTree(jresnet("predict", two, image, "--stability", "--json").out());
    JsonNode stability = values.get("stability");
    assertThat(stability.get("changes")).hasSize(10);
    int flips = 0;
    double low = 1;
    double high = 0;
    String label = stability.get("class").asText();
    for (JsonNode change : stability.get("changes")) {
      flips += change.get("class").asText().equals(label) ? 0 : 1;
      low = Math.min(low, change.get("probability").asDouble());
      high = Math.max(high, change.get("probability").asDouble());
    }
    assertThat(stability.get("flips").asInt()).isEqualTo(flips);
    assertThat(stability.get("lowest").asDouble()).isEqualTo(low);
    assertThat(stability.get("highest").asDouble()).isEqualTo(high);
    assertThat(low).isLessThan(high);
    assertThat(values.has("prediction_set")).as("--error 0.05 unless another is named").isTrue();
    Path csv = own.resolve("p.csv");
    jresnet("predict", two, image, "--stability", "--csv", csv);
    assertThat(Csv.read(csv).get(0)).contains("flips", "lowest", "highest");
    assertThat(Csv.read(csv).get(1).get(Csv.read(csv).get(0).indexOf("flips")))
        .isEqualTo(String.valueOf(flips));
  }
}
