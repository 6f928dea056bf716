package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jresnet.base.Json;
import org.jresnet.cli.Cli.Result;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.train.ModelFiles;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Calibrated probabilities and verdicts as a user meets them. */
final class DecisionOptionsTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private static Path folder;
  private static Path faces;
  private static Path run;
  private static String training;

  @BeforeAll
  static void train() {
    faces = folder.resolve("faces");
    run = folder.resolve("run");
    DrawnFaces.write(faces, new DrawnFaces.Options(40, 32, 1), done -> {});
    Result result =
        Cli.jresnet(
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
            "--split=0.4,0.4,0.2");
    assertThat(result.code()).as(result.err()).isZero();
    training = result.out();
  }

  private static Result predict(Object... more) {
    Object[] line = new Object[more.length + 3];
    line[0] = "predict";
    line[1] = run;
    line[2] = "--precision=fp32";
    System.arraycopy(more, 0, line, 3, more.length);
    return Cli.jresnet(line);
  }

  private static Path face() {
    return faces.resolve("generated/00003.jpg");
  }

  @Test
  void trainingCalibratesAndSaysSo() throws IOException {
    assertThat(training)
        .contains("Calibrated on 32 validation images: temperature")
        .contains("expected calibration error")
        .contains("fpr=0.001 'generated' from probability")
        .contains("too few negatives in validation to promise this rate");
    JsonNode saved = JSON.readTree(run.resolve("calibration.json").toFile());
    String metadata = ModelFiles.open(run, Optional.empty()).info().calibration();
    assertThat(JSON.readTree(metadata)).isEqualTo(saved);
    assertThat(saved.get("images").asInt()).isEqualTo(32);
    assertThat(saved.get("points")).hasSize(3);
    assertThat(Json.line(saved)).contains("threshold");
  }

  @Test
  void probabilitiesAreCalibratedAndRawOnesAreThere() throws IOException {
    Result result = predict(face(), "--json", "--error=0.2", "--operating-point=eer");
    assertThat(result.code()).as(result.err()).isZero();
    JsonNode values = JSON.readTree(result.out());
    assertThat(values.get("calibrated").asBoolean()).isTrue();
    assertThat(values.get("operating_point").asText()).isEqualTo("eer");
    assertThat(values.get("prediction_set").isArray()).isTrue();
    double sum =
        values.at("/probabilities/camera").asDouble()
            + values.at("/probabilities/generated").asDouble();
    assertThat(sum).isBetween(1 - 1e-9, 1 + 1e-9);
    double temperature =
        JSON.readTree(run.resolve("calibration.json").toFile()).at("/temperature/value").asDouble();
    double odds = logit(values.at("/probabilities/generated").asDouble());
    double raw = logit(values.at("/uncalibrated/generated").asDouble());
    assertThat(odds).isBetween(raw / temperature - 1e-6, raw / temperature + 1e-6);
  }

  private static double logit(double p) {
    return Math.log(p / (1 - p));
  }

  /** Sixteen images are calibrated on: an error of 1 % excludes nothing. */
  @Test
  void whatCannotBeExcludedIsUnsure() {
    Result result = predict(face(), "--error=0.01");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.out())
        .contains("unsure  could be camera or generated (most probable:")
        .contains("1 image: 1 unsure");
    assertThat(predict(face()).out()).doesNotContain("unsure");
  }

  @Test
  void anEvaluationMeasuresThePromises() {
    Result result = Cli.jresnet("evaluate", run, "--test", "--precision=fp32");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.out())
        .contains("Calibration, chosen on validation images and measured here:")
        .contains("prediction sets at error 0.05 hold the true class in")
        .contains("hits at 1.0 % FPR   too few negatives for that");
  }

  @Test
  void pointsThatAreNotThereAreRefused() throws Exception {
    Result unknown = predict(face(), "--operating-point=fpr=0.3");
    assertThat(unknown.code()).isEqualTo(1);
    assertThat(unknown.err()).contains("no operating point 'fpr=0.3'; it has 0.5, eer, fpr=0.01");
    assertThat(predict(face(), "--error=1").err()).contains("--error");
    assertThat(predict(face(), "--operating-point=fpr=0.001").err())
        .contains("too few to promise that rate");
    // Written before there was a calibration.
    Path old =
        Path.of(DecisionOptionsTest.class.getResource("/fixtures/run/run.json").toURI())
            .getParent();
    Result plain = Cli.jresnet("predict", old, face(), face());
    assertThat(plain.code()).as(plain.err()).isZero();
    assertThat(plain.err()).containsOnlyOnce("the model is uncalibrated");
    Result asked = Cli.jresnet("predict", old, face(), "--operating-point=eer");
    assertThat(asked.code()).isEqualTo(1);
    assertThat(asked.err())
        .contains("the model is uncalibrated, so it has no operating point 'eer'");
    assertThat(Files.exists(old.resolve("calibration.json"))).isFalse();
  }
}
