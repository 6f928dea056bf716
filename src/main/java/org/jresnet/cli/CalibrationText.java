package org.jresnet.cli;

import java.util.List;
import org.jresnet.metrics.OperatingPoint;
import org.jresnet.metrics.Temperature;
import org.jresnet.train.CalibrationMeasure;
import org.jresnet.train.ModelCalibration;
import org.jresnet.train.ModelCalibration.Reliability;

/** Says what a calibration is, and what it is worth. */
final class CalibrationText {
  private final Console console;

  CalibrationText(Console console) {
    this.console = console;
  }

  /** What training has found. */
  void print(ModelCalibration c) {
    console.print(
        "Calibrated on %d validation images: temperature %.3f%s",
        c.images(), c.temperature().value(), why(c.temperature().fit()));
    reliability(c.before(), c.after());
    points(c, c.points());
  }

  private static String why(Temperature.Fit fit) {
    return switch (fit) {
      case FITTED -> "";
      case SEPARABLE -> " (all images that could fit it are right, so it stays 1)";
      case MISLEADING ->
          " (where it is fitted the network is no better than chance, so it stays 1)";
      case TOO_FEW ->
          " (fewer than " + Temperature.MIN_EXAMPLES + " images to fit it, so it stays 1)";
    };
  }

  /** What a calibration is worth on the images of an evaluation. */
  void print(ModelCalibration c, CalibrationMeasure measure) {
    console.print("Calibration, chosen on validation images and measured here:");
    reliability(measure.uncalibrated(), measure.calibrated());
    points(c, measure.points());
    console.print(
        "  prediction sets at error %s hold the true class in %s",
        measure.error(), measure.covered());
    console.print(
        "    several classes (unsure) in %d, no class in %d",
        measure.several().hits(), measure.none().hits());
  }

  private void reliability(Reliability before, Reliability after) {
    console.print(
        "  expected calibration error %.2f %% -> %.2f %%, Brier score %.4f -> %.4f",
        100 * before.expectedError(), 100 * after.expectedError(), before.brier(), after.brier());
  }

  private void points(ModelCalibration c, List<OperatingPoint> points) {
    for (OperatingPoint p : points) {
      console.print(
          "  %-9s '%s' from probability %.4f (%.4f to %.4f) on: false alarms %s, hits %s%s",
          p.name(),
          c.positive(),
          c.probability(p.threshold()),
          c.probability(p.interval().low()),
          c.probability(p.interval().high()),
          p.falseAlarms(),
          p.hits(),
          p.enough() ? "" : "; too few negatives in validation to promise this rate");
    }
  }
}
