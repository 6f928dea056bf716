package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jresnet.base.Csv;
import org.jresnet.base.Digests;
import org.jresnet.cli.Cli.Result;
import org.jresnet.data.drawn.DrawnFaces;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What evaluations print, and what they leave in the folder of their run. */
final class EvaluateCommandTest extends SmallRun {
  private Path other;

  @BeforeAll
  void drawOthers() {
    other = folder.resolve("other faces");
    DrawnFaces.write(other, new DrawnFaces.Options(12, 32, 9), done -> {});
  }

  private Result evaluate(Object... more) {
    return jresnet(
        Stream.concat(Stream.of("evaluate", run, "--precision=fp32"), Stream.of(more)).toArray());
  }

  private static JsonNode json(Path file) throws IOException {
    return JSON.readTree(file.toFile());
  }

  @Test
  void evaluationReportsAllMetrics() throws IOException {
    Result result = jresnet("evaluate", run, faces, "--precision", "fp32", "--json");
    assertThat(result.code()).as(result.err()).isZero();
    JsonNode values = JSON.readTree(result.out());
    assertThat(values.get("images").asInt()).isEqualTo(40);
    assertThat(values.get("accuracy").asDouble()).isBetween(0.0, 1.0);
    assertThat(values.has("auc") && values.has("eer") && values.has("average_precision")).isTrue();
    double accuracy = values.get("accuracy").asDouble();
    assertThat(values.at("/accuracy_interval/0").asDouble()).isLessThan(accuracy + 1e-9);
    assertThat(values.at("/auc_interval/1").asDouble())
        .isGreaterThanOrEqualTo(values.get("auc").asDouble());
    assertThat(values.at("/confusion/0/0").asInt() + values.at("/confusion/0/1").asInt())
        .isEqualTo(20);
  }

  @Test
  void evaluationWritesEveryPrediction() {
    Path csv = folder.resolve("evaluation.csv");
    Result result = jresnet("evaluate", run, faces, "--precision", "fp32", "--csv", csv);
    assertThat(result.code()).as(result.err()).isZero();
    List<List<String>> rows = Csv.read(csv);
    assertThat(rows).hasSize(41);
    assertThat(rows.get(0))
        .containsExactly("file", "class", "predicted", "p(camera)", "p(generated)");
    assertThat(rows.get(1).subList(0, 2)).containsExactly("camera/00000.jpg", "camera");
    assertThat(Double.parseDouble(rows.get(1).get(3)) + Double.parseDouble(rows.get(1).get(4)))
        .isBetween(0.999999, 1.000001);
    Result again = jresnet("evaluate", folder.resolve("none.pth"), faces, "--csv", csv);
    assertThat(again.err()).contains("evaluation.csv exists; use --overwrite");
  }

  @Test
  void classesMustBeTheModels() throws IOException {
    Path animals = folder.resolve("animals");
    for (String kind : List.of("cats", "dogs")) {
      Files.createDirectories(animals.resolve(kind));
      Files.copy(faces.resolve("camera/00000.jpg"), animals.resolve(kind + "/a.jpg"));
    }
    Result result = jresnet("evaluate", run, animals);
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err()).contains("[camera, generated]").contains("[cats, dogs]");
  }

  /** Real photographs alone: the share that is called generated is what a user needs to know. */
  @Test
  void oneClassAloneGivesARateOfErrors() throws IOException {
    Path photos = folder.resolve("photos/camera");
    Files.createDirectories(photos);
    for (int i = 0; i < 6; i++) {
      Files.copy(faces.resolve("camera/0000" + i + ".jpg"), photos.resolve(i + ".jpg"));
    }
    Result byFolder = jresnet("evaluate", run, folder.resolve("photos"), "--precision", "fp32");
    assertThat(byFolder.code()).as(byFolder.err()).isZero();
    assertThat(byFolder.out())
        .contains("6 images, all of class 'camera'")
        .containsPattern("False-alarm rate \\(called 'generated'\\): .* of 6; 95 % interval ")
        .doesNotContain("AUC");
    Result byName =
        jresnet("evaluate", run, photos, "--class", "camera", "--precision", "fp32", "--json");
    assertThat(byName.code()).as(byName.err()).isZero();
    JsonNode values = JSON.readTree(byName.out());
    assertThat(values.get("images").asInt()).isEqualTo(6);
    assertThat(values.get("positive").asText()).isEqualTo("generated");
    assertThat(values.get("class_accuracy").size()).isEqualTo(1);
    assertThat(values.has("auc")).isFalse();
    Result hits =
        jresnet("evaluate", run, photos, "--class=camera", "--positive=camera", "--precision=fp32");
    assertThat(hits.out()).contains("Hit rate (called 'camera')");
    refused(1, "evaluate {}/run {}/photos/camera --precision fp32", "--class");
    refused(1, "evaluate {}/run {}/photos --class dog --precision fp32", "[camera, generated]");
    refused(1, "evaluate {}/run {}/photos --positive dog --precision fp32", "--positive");
  }

  @Test
  void evaluatingWhatWasTrainedOnIsWarnedOf() throws IOException {
    Result result = jresnet("evaluate", run, faces, "--precision", "fp32", "--json");
    assertThat(result.err())
        .contains("WARNING: the model was trained on 28 of these 40 images, and 6 more chose");
    assertThat(JSON.readTree(result.out()).get("images_of_train").asInt()).isEqualTo(28);
    Path copies = folder.resolve("copies/camera");
    Files.createDirectories(copies);
    String trained = first(run, "train");
    Files.copy(faces.resolve(trained), copies.resolve("renamed.jpg"));
    DrawnFaces.write(folder.resolve("fresh"), new DrawnFaces.Options(1, 32, 77), done -> {});
    Files.copy(folder.resolve("fresh/camera/00000.jpg"), copies.resolve("new.jpg"));
    Result copied =
        jresnet(
            "evaluate",
            run.resolve("best.safetensors"),
            folder.resolve("copies"),
            "--precision=fp32");
    assertThat(copied.err()).contains("trained on 1 of these 2 images, and 0 more");
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
        .isEqualTo(Digests.ofFile(predictions, "the file", () -> false));
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
        jresnet(
            "evaluate", loose, other, "--precision=fp32", "--robustness", "--degradations=noise");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.out()).doesNotContain("Saved as").contains("sigma 10 of 255");
    assertThat(result.err()).contains("belongs to no run, so the grid is not saved");
  }
}
