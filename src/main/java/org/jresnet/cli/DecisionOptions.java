package org.jresnet.cli;

import java.util.OptionalDouble;
import org.jresnet.train.CalibrationMeasure;
import org.jresnet.train.Decision;
import org.jresnet.train.ModelCalibration;
import picocli.CommandLine.Option;

/** How probabilities become a verdict. */
@Heading("Verdict")
final class DecisionOptions {
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

  /**
   * What was asked for.
   *
   * @param sets whether prediction sets are needed although no error was named
   */
  Decision decision(boolean sets) {
    return new Decision(
        point,
        error != null
            ? OptionalDouble.of(error)
            : sets ? OptionalDouble.of(CalibrationMeasure.ERROR) : OptionalDouble.empty());
  }
}
