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
import org.jresnet.cli.MainTest.Result;
import org.jresnet.data.drawn.DrawnFaces;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What evaluations leave in the folder of their run. */
final class EvaluateCommandTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private static Path folder;
  private static Path faces;
  private static Path other;
  private static Path run;

  @BeforeAll
  static void train() {
    faces = folder.resolve("faces");
    other = folder.resolve("other faces");
    run = folder.resolve("run");
    DrawnFaces.write(faces, new DrawnFaces.Options(20, 32, 1), done -> {});
    DrawnFaces.write(other, new DrawnFaces.Options(12, 32, 9), done -> {});
    Result result =
        MainTest.jresnet(
            "train",
            faces,
            "--out",
            run,
            "--model=resnet18",
            "--width=4",
            "--size=32",
            "--batch=8",
            "--precision=fp32",
            "--epochs=1",
            "--augment=forensic");
    assertThat(result.code()).as(result.err()).isZero();
  }

  private static Result evaluate(Object... more) {
    return MainTest.jresnet(
        Stream.concat(Stream.of("evaluate", run, "--precision=fp32"), Stream.of(more)).toArray());
  }

  private static JsonNode json(Path file) throws IOException {
    return JSON.readTree(file.toFile());
  }

  @Test
  void theResultIsSavedWithAllThatAReportNeeds() throws IOException {
    Result result = evaluate(other);
    assertThat(result.code()).as(result.err()).isZero();
    Path file = run.resolve("evaluations/other_faces.json");
    assertThat(result.out()).contains("Saved as " + file);
    JsonNode e = json(file);
    assertThat(e.get("kind").asText()).isEqualTo("folder");
    Path predictions = file.resolveSibling(e.get("predictions").asText());
    assertThat(Csv.read(predictions)).hasSize(25);
    assertThat(e.get("predictions_sha256").asText())
        .isEqualTo(org.jresnet.base.Digests.ofFile(predictions, "the file", () -> false));
    assertThat(e.get("command").asText())
        .startsWith("./jresnet evaluate")
        .contains("'" + other + "'");
    assertThat(e.get("images").asInt()).isEqualTo(24);
    assertThat(e.at("/environment/precision").asText()).isEqualTo("fp32");
    assertThat(e.at("/environment/backend").asText()).contains("oneDNN");
    assertThat(e.get("auc_interval")).hasSize(2);
    JsonNode roc = e.get("roc");
    assertThat(roc.size()).isBetween(3, 400);
    assertThat(roc.at("/0/1").asDouble()).isZero();
    assertThat(roc.get(roc.size() - 1).get(0).asDouble()).isEqualTo(1);
    assertThat(e.get("det").size()).isEqualTo(roc.size());
    JsonNode calibration = e.get("calibration");
    assertThat(calibration.get("points")).hasSize(3);
    assertThat(calibration.at("/points/1/false_alarms/total").asInt()).isEqualTo(12);
    assertThat(calibration.at("/covered/total").asInt()).isEqualTo(24);
    int binned = 0;
    for (JsonNode bin : calibration.at("/calibrated/bins")) {
      binned += bin.get("total").asInt();
    }
    assertThat(binned).isEqualTo(24);
    int wrong = e.at("/confusion/0/1").asInt() + e.at("/confusion/1/0").asInt();
    assertThat(e.get("errors")).hasSize(Math.min(20, wrong));
    double before = 1;
    for (JsonNode error : e.get("errors")) {
      assertThat(error.get("probability").asDouble()).isBetween(0.5, before);
      assertThat(Path.of(error.get("file").asText())).exists();
      assertThat(error.get("true")).isNotEqualTo(error.get("predicted"));
      before = error.get("probability").asDouble();
    }
  }

  /** Files 00000 to 00009 of both classes are one group, the others the second. */
  @Test
  void groupsAreDrawnWhole() throws IOException {
    Result result = evaluate(other, "--group=/(\\d{4})", "--name=grouped");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.out()).contains("2 groups drawn whole");
    JsonNode e = json(run.resolve("evaluations/grouped.json"));
    assertThat(e.get("groups").asInt()).isEqualTo(2);
    assertThat(e.get("group").asText()).isEqualTo("/(\\d{4})");
    assertThat(evaluate(other, "--group=nobody").err()).contains("does not match");
  }

  @Test
  void theRobustnessGridIsATableAndThreeFiles() throws IOException {
    Result result = evaluate(other, "--robustness", "--degradations=jpeg,crop", "--name", "robust");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.out())
        .contains("After degradations, with 95 % intervals:")
        .contains("quality 30")
        .contains("0.75 of the sides");
    JsonNode grid = json(run.resolve("robustness/robust.json"));
    JsonNode cells = grid.get("cells");
    assertThat(cells).hasSize(1 + 4 + 3);
    assertThat(cells.at("/0/kind").asText()).isEqualTo("none");
    assertThat(cells.at("/0/accuracy"))
        .isEqualTo(json(run.resolve("evaluations/robust.json")).get("accuracy"));
    assertThat(cells.at("/4/level").asDouble()).isEqualTo(30);
    assertThat(cells.at("/4/severity").asInt()).isEqualTo(4);
    assertThat(cells.at("/5/severity").asInt()).isEqualTo(1);
    assertThat(cells.at("/7/auc_interval")).hasSize(2);
    List<List<String>> csv = Csv.read(run.resolve("robustness/robust.csv"));
    assertThat(csv).hasSize(9);
    assertThat(csv.get(0)).startsWith("kind", "level", "severity", "images", "accuracy");
    assertThat(Files.size(run.resolve("robustness/robust.png"))).isGreaterThan(5000);
    byte[] once = Files.readAllBytes(run.resolve("robustness/robust.csv"));
    evaluate(other, "--robustness", "--degradations=jpeg,crop", "--name", "robust");
    assertThat(Files.readAllBytes(run.resolve("robustness/robust.csv"))).isEqualTo(once);
  }

  @Test
  void theTestSetCanBeDegradedToo() throws IOException {
    Result result = evaluate("--test", "--robustness", "--degradations=darker,brighter");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(json(run.resolve("robustness/test.json")).get("cells")).hasSize(7);
  }

  /** Images of one class have no AUC, and a grid of accuracies all the same. */
  @Test
  void oneClassHasNoCurves() throws IOException {
    Result result =
        evaluate(
            other.resolve("camera"),
            "--class=camera",
            "--robustness",
            "--degradations=blur",
            "--name=one");
    assertThat(result.code()).as(result.err()).isZero();
    JsonNode e = json(run.resolve("evaluations/one.json"));
    assertThat(e.get("kind").asText()).isEqualTo("class");
    assertThat(e.has("roc")).isFalse();
    assertThat(json(run.resolve("robustness/one.json")).at("/cells/0").has("auc")).isFalse();
    assertThat(Files.size(run.resolve("robustness/one.png"))).isGreaterThan(2000);
  }

  @Test
  void whatIsAskedWronglyIsRefusedFirst() {
    assertThat(evaluate(other, "--degradations=blur").err()).contains("belongs to --robustness");
    assertThat(evaluate(other, "--robustness", "--degradations=fog").err())
        .contains("no degradation 'fog'");
    assertThat(evaluate(other, "--name=../x").err()).contains("--name takes letters");
    assertThat(evaluate(other, "--name=test").err()).contains("is called 'test'");
    assertThat(evaluate(other, "--group=(").code()).isEqualTo(2);
  }

  @Test
  void aModelOfNoRunLeavesNothing() throws IOException {
    Path loose = Files.copy(run.resolve("best.safetensors"), folder.resolve("loose.safetensors"));
    Result result =
        MainTest.jresnet(
            "evaluate", loose, other, "--precision=fp32", "--robustness", "--degradations=noise");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.out()).doesNotContain("Saved as").contains("sigma 10 of 255");
    assertThat(result.err()).contains("belongs to no run, so the grid is not saved");
  }

  @Test
  void forensicAugmentationIsRecordedAndKept() throws IOException {
    JsonNode degrading = json(run.resolve("run.json")).at("/options/input/augmentation/degrading");
    assertThat(degrading.get("probability").asDouble()).isEqualTo(0.5);
    assertThat(degrading.get("among")).hasSize(132);
    Result other =
        MainTest.jresnet("train", "--resume", "--out", run, "--augment=none", "--epochs=2");
    assertThat(other.code()).isEqualTo(2);
    assertThat(other.err()).contains("--augment is none, the run has forensic");
  }
}
