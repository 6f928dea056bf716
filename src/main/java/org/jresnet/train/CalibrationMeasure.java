package org.jresnet.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jresnet.metrics.OperatingPoint;
import org.jresnet.metrics.Proportion;

/**
 * What a model's calibration is worth on other images.
 *
 * @param uncalibrated figures of the softmax
 * @param calibrated figures with the model's temperature
 * @param points the model's thresholds with the rates that they have here; those of validation
 *     where a class has no images
 * @param error of the prediction sets
 * @param covered images whose set holds the true class; at least 1 − {@code error} is promised
 * @param several images whose set holds several classes: unsure
 * @param none images whose set is empty: no class is as likely as usual
 */
public record CalibrationMeasure(
    ModelCalibration.Reliability uncalibrated,
    ModelCalibration.Reliability calibrated,
    List<OperatingPoint> points,
    double error,
    Proportion covered,
    Proportion several,
    Proportion none) {
  /** The error of prediction sets unless another is asked for. */
  public static final double ERROR = 0.05;

  /** Copies the list. */
  public CalibrationMeasure {
    points = List.copyOf(points);
  }

  /** Measures; empty for a model without calibration. */
  public static Optional<CalibrationMeasure> of(Evaluation e, double error) {
    return e.calibration().map(c -> of(e, c, error));
  }

  private static CalibrationMeasure of(Evaluation e, ModelCalibration calibration, double error) {
    int[] labels = e.scored().stream().mapToInt(s -> s.sample().label()).toArray();
    double[][] probabilities = Evaluation.probabilities(e.scored(), calibration.temperature());
    long covered = 0;
    long several = 0;
    long none = 0;
    for (int i = 0; i < labels.length; i++) {
      List<Integer> set = calibration.conformal().set(probabilities[i], error);
      covered += set.contains(labels[i]) ? 1 : 0;
      several += set.size() > 1 ? 1 : 0;
      none += set.isEmpty() ? 1 : 0;
    }
    return new CalibrationMeasure(
        ModelCalibration.Reliability.of(
            labels, e.scored().stream().map(Scored::probabilities).toArray(double[][]::new)),
        ModelCalibration.Reliability.of(labels, probabilities),
        points(e, calibration),
        error,
        new Proportion(covered, labels.length),
        new Proportion(several, labels.length),
        new Proportion(none, labels.length));
  }

  private static List<OperatingPoint> points(Evaluation e, ModelCalibration calibration) {
    List<OperatingPoint> points = new ArrayList<>();
    if (e.classes().size() == 2) {
      // Thresholds belong to the class that was positive in training.
      int positive = e.classes().indexOf(calibration.positive());
      Evaluation same =
          new Evaluation(e.classes(), positive, e.scored(), e.badImages(), e.calibration());
      for (OperatingPoint p : calibration.points()) {
        points.add(p.on(same.positives(), same.scores()));
      }
    }
    return points;
  }
}
