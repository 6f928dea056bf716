package org.jresnet.cli;

import java.util.List;
import java.util.Optional;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.metrics.OperatingPoint;
import org.jresnet.train.CalibrationMeasure;
import org.jresnet.train.ModelCalibration;
import org.jresnet.train.Prediction;
import picocli.CommandLine.Option;

/** How probabilities become a verdict. */
@Heading("Verdict")
final class DecisionOptions {
  /** In place of a class. */
  static final String UNSURE = "unsure";

  @Option(
      names = "--operating-point",
      defaultValue = ModelCalibration.EVEN,
      paramLabel = "POINT",
      description = {
        "Where the verdict of two classes changes: 0.5 (the most probable class), or a threshold that validation chose:"
            + " eer (both errors equally frequent), fpr=0.01, fpr=0.001 (at most that share of false alarms)."
      })
  private String point;

  @Option(
      names = "--error",
      paramLabel = "SHARE",
      description = {
        "Say 'unsure' where classes cannot be told apart with at most this share of errors, such as 0.05 (split conformal"
            + " prediction; valid for images of the kind that the model was validated on)."
      })
  @Within(above = 0, below = 1)
  private Double error;

  @Option(
      names = "--stability",
      description = {
        "Also try ten changes that a person hardly sees (re-encodings, slight scaling, blur, noise, cropping): range of the"
            + " probability, and how often the verdict flips. Implies --error 0.05 unless you name another."
      })
  private boolean stability;

  /** Whether mild changes are tried, too. */
  boolean stability() {
    return stability;
  }

  /**
   * A verdict.
   *
   * @param label a class, or {@link #UNSURE}
   * @param probability of the class at the operating point, also where the verdict is unsure
   * @param set the classes that cannot be excluded, where that was asked for
   */
  record Verdict(String label, double probability, Optional<List<String>> set) {}

  /** The operating point's name. */
  String point() {
    return point;
  }

  /**
   * Checks that a model can do what is asked, and says once what its probabilities are worth.
   *
   * @throws UserError when it cannot
   */
  void require(Optional<ModelCalibration> calibration, Console console) {
    boolean even = point.equals(ModelCalibration.EVEN);
    if (calibration.isEmpty()) {
      if (!even || error != null) {
        throw new UserError(
            Text.format(
                "the model is uncalibrated, so it has no %s; a run of jresnet train calibrates its"
                    + " model on validation images",
                even ? "prediction sets for --error" : "operating point '" + point + "'"));
      }
      console.note("the model is uncalibrated: its probabilities are most often too sure");
      return;
    }
    if (!even) {
      OperatingPoint found = calibration.get().point(point);
      if (!found.enough()) {
        console.note(
            Text.format(
                "%s was chosen on %s negatives, too few to promise that rate",
                point, found.falseAlarms().total()));
      }
    }
  }

  /** The class at the operating point. */
  String label(Prediction p) {
    return point.equals(ModelCalibration.EVEN)
        ? p.label()
        : p.label(p.calibration().orElseThrow().point(point));
  }

  /** The verdict on an image. */
  Verdict verdict(Prediction p) {
    String label = label(p);
    boolean asked = error != null || stability && p.calibration().isPresent();
    Optional<List<String>> set =
        asked
            ? Optional.of(p.set(error == null ? CalibrationMeasure.ERROR : error))
            : Optional.empty();
    boolean unsure = set.isPresent() && set.get().size() != 1;
    return new Verdict(unsure ? UNSURE : label, p.probability(label), set);
  }
}
