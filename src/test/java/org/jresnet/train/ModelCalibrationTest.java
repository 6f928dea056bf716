package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.jresnet.base.Json;
import org.jresnet.base.UserError;
import org.jresnet.data.Grouping;
import org.jresnet.data.Sample;
import org.jresnet.metrics.OperatingPoint;
import org.jresnet.metrics.Temperature;
import org.jresnet.weights.ModelInfo;
import org.junit.jupiter.api.Test;

/** Calibration of scores whose truth is known: logits of a fair coin, three times too large. */
final class ModelCalibrationTest {
  private static final double SHARPNESS = 3;
  private static final List<String> CLASSES = List.of("fake", "real");

  private static Evaluation images(int count, long seed) {
    Random random = new Random(seed);
    List<Scored> scored = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      double odds = 2.5 * random.nextGaussian();
      int label = random.nextDouble() < 1 / (1 + Math.exp(-odds)) ? 0 : 1;
      scored.add(scored(i, label, SHARPNESS * odds));
    }
    return new Evaluation(CLASSES, 0, scored, Map.of(), Optional.empty());
  }

  private static Scored scored(int i, int label, double score) {
    String id = CLASSES.get(label) + "/p" + i / 4 + "-" + i + ".png";
    return new Scored(new Sample(Path.of(id), id, label), new float[] {(float) score, 0});
  }

  private static ModelCalibration calibrate(int count) {
    return ModelCalibration.of(images(count, 1), 7, Grouping.of(""), 5);
  }

  @Test
  void theTemperatureUndoesWhatWasTooSharp() {
    ModelCalibration c = calibrate(2000);
    assertThat(c.epoch()).isEqualTo(7);
    assertThat(c.images()).isEqualTo(2000);
    assertThat(c.fitted()).isBetween(998, 1000);
    assertThat(c.conformal().count()).isEqualTo(2000 - c.fitted());
    assertThat(c.temperature().fit()).isEqualTo(Temperature.Fit.FITTED);
    // The standard error of ln T on a thousand images is about 0.05.
    assertThat(c.temperature().value()).isCloseTo(SHARPNESS, within(0.45));
    assertThat(c.after().expectedError()).isLessThan(0.5 * c.before().expectedError());
    assertThat(c.after().brier()).isLessThan(c.before().brier());
    assertThat(c.after().loss()).isLessThan(c.before().loss());
    assertThat(c.before().bins()).isNotEmpty();
    assertThat(c.positive()).isEqualTo("fake");
    assertThat(c.points()).hasSize(3);
    assertThat(c.point("eer").threshold()).isBetween(-1.5, 1.5);
    assertThat(c.probability(c.point("fpr=0.01").threshold())).isGreaterThan(0.8);
  }

  /** On new images of the same kind: false alarms as promised, sets that hold the truth. */
  @Test
  void promisesHoldOnNewImages() {
    ModelCalibration c = calibrate(2000);
    Evaluation fresh = images(4000, 2);
    Evaluation evaluated = new Evaluation(CLASSES, 0, fresh.scored(), Map.of(), Optional.of(c));
    CalibrationMeasure m = CalibrationMeasure.of(evaluated, 0.05).orElseThrow();
    // Of about 2000 negatives at 1 %, and the threshold's own error on a thousand.
    assertThat(m.points().get(1).falseAlarms().share()).isBetween(0.002, 0.02);
    assertThat(m.points().get(0).falseAlarms().share())
        .isCloseTo(1 - m.points().get(0).hits().share(), within(0.03));
    assertThat(m.covered().share()).isBetween(0.93, 0.97);
    assertThat(m.several().hits()).isPositive();
    assertThat(m.calibrated().expectedError()).isLessThan(m.uncalibrated().expectedError());
    assertThat(CalibrationMeasure.of(fresh, 0.05)).isEmpty();
  }

  @Test
  void whatIsWrittenIsRead() {
    ModelCalibration c = calibrate(300);
    ModelInfo info =
        ModelFiles.info(
                org.jresnet.models.Architecture.of("resnet18"),
                8,
                CLASSES,
                new org.jresnet.data.Preprocess(32, org.jresnet.data.Preprocess.Mode.STRETCH))
            .withCalibration(Json.line(c));
    ModelInfo read = ModelInfo.of(info.toMetadata()).orElseThrow();
    assertThat(read).isEqualTo(info);
    assertThat(ModelCalibration.of(read)).contains(c);
    assertThat(ModelCalibration.of(info.withCalibration(""))).isEmpty();
    assertThatThrownBy(() -> ModelCalibration.of(info.withCalibration("{\"epoch\":1}")))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("calibration in the model's metadata");
    String other = Json.line(c).replace("\"positive\":\"fake\"", "\"positive\":\"cat\"");
    assertThatThrownBy(() -> ModelCalibration.of(info.withCalibration(other)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("the positive class is 'cat', the model's classes are [fake, real]");
  }

  /** Four images in a row are one person's. */
  @Test
  void groupsStayInOneHalf() {
    ModelCalibration c = ModelCalibration.of(images(400, 3), 1, Grouping.of("/(p\\d+)-"), 5);
    assertThat(c.fitted() % 4).isZero();
    assertThat(c.fitted()).isBetween(180, 220);
    assertThat(c.point("eer").interval())
        .isNotEqualTo(
            ModelCalibration.of(images(400, 3), 1, Grouping.of(""), 5).point("eer").interval());
  }

  @Test
  void fewImagesPromiseNothing() {
    ModelCalibration c = calibrate(12);
    assertThat(c.temperature()).isEqualTo(new Temperature(1, Temperature.Fit.TOO_FEW));
    assertThat(c.points()).filteredOn(OperatingPoint::enough).hasSize(1);
    Prediction p =
        new Prediction(CLASSES, new double[] {9, 0}, new double[] {0.9, 0.1}, Optional.of(c), 1, 1);
    assertThat(p.set(0.05)).containsExactly("fake", "real");
  }

  @Test
  void verdictsFollowTheirPoint() {
    ModelCalibration c = calibrate(2000);
    double threshold = c.point("fpr=0.01").threshold();
    Prediction p = prediction(c, threshold - 0.1);
    assertThat(p.label()).isEqualTo("fake");
    assertThat(p.label(c.point("fpr=0.01"))).isEqualTo("real");
    assertThat(prediction(c, threshold).label(c.point("fpr=0.01"))).isEqualTo("fake");
    assertThat(p.uncalibrated()[0]).isGreaterThan(p.probability("fake"));
    assertThat(prediction(c, 0.1).set(0.05)).hasSize(2);
    assertThat(prediction(c, 20).set(0.05)).containsExactly("fake");
    assertThatThrownBy(() -> c.point("fpr=0.5"))
        .hasMessageContaining("it has 0.5, eer, fpr=0.01, fpr=0.001");
    Prediction plain =
        new Prediction(CLASSES, new double[2], new double[] {0.5, 0.5}, Optional.empty(), 1, 1);
    assertThatThrownBy(() -> plain.set(0.05)).hasMessageContaining("uncalibrated");
  }

  private static Prediction prediction(ModelCalibration c, double score) {
    double[] logits = {score, 0};
    return new Prediction(
        CLASSES, logits, c.temperature().probabilities(logits), Optional.of(c), 1, 1);
  }

  @Test
  void manyClassesHaveNoThresholds() {
    List<Scored> scored = new ArrayList<>();
    for (int i = 0; i < 90; i++) {
      float[] logits = new float[3];
      logits[i % 3] = i % 5 == 0 ? -1 : 2;
      String id = i + ".png";
      scored.add(new Scored(new Sample(Path.of(id), id, i % 3), logits));
    }
    Evaluation e = new Evaluation(List.of("a", "b", "c"), 1, scored, Map.of(), Optional.empty());
    ModelCalibration c = ModelCalibration.of(e, 1, Grouping.of(""), 5);
    assertThat(c.points()).isEmpty();
    assertThat(c.positive()).isEmpty();
    assertThat(c.conformal().count()).isEqualTo(45);
    assertThatThrownBy(() -> c.point("eer")).hasMessageContaining("only 0.5");
  }
}
