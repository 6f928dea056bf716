package org.jresnet.train;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Consumer;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.metrics.OperatingPoint;

/**
 * How a prediction becomes a verdict.
 *
 * @param point {@link ModelCalibration#EVEN}, or the name of an operating point of the model
 * @param error the share of errors that prediction sets may make; empty for no sets
 */
public record Decision(String point, OptionalDouble error) {
  /** In place of a class. */
  public static final String UNSURE = "unsure";

  /**
   * A verdict.
   *
   * @param label a class, or {@link #UNSURE}
   * @param probability of the class at the operating point, also where the verdict is unsure
   * @param set the classes that cannot be excluded, where that was asked for
   */
  public record Verdict(String label, double probability, Optional<List<String>> set) {}

  /**
   * Checks that a model can do what is asked, and says what its probabilities are worth.
   *
   * @throws UserError when it cannot
   */
  public void require(Optional<ModelCalibration> calibration, Consumer<String> notes) {
    boolean even = point.equals(ModelCalibration.EVEN);
    if (calibration.isEmpty()) {
      if (!even || error.isPresent()) {
        throw new UserError(
            Text.format(
                "the model is uncalibrated, so it has no %s; a run of jresnet train calibrates its"
                    + " model on validation images",
                even ? "prediction sets for --error" : "operating point '" + point + "'"));
      }
      notes.accept("the model is uncalibrated: its probabilities are most often too sure");
      return;
    }
    if (!even) {
      OperatingPoint found = calibration.get().point(point);
      if (!found.enough()) {
        notes.accept(
            Text.format(
                "%s was chosen on %s negatives, too few to promise that rate",
                point, found.falseAlarms().total()));
      }
    }
  }

  /** The class at the operating point. */
  public String label(Prediction p) {
    return point.equals(ModelCalibration.EVEN)
        ? p.label()
        : p.label(p.calibration().orElseThrow().point(point));
  }

  /** The verdict on an image. */
  public Verdict verdict(Prediction p) {
    String label = label(p);
    Optional<List<String>> set =
        error.isPresent() ? Optional.of(p.set(error.getAsDouble())) : Optional.empty();
    boolean unsure = set.isPresent() && set.get().size() != 1;
    return new Verdict(unsure ? UNSURE : label, p.probability(label), set);
  }

  /** Verdict and probabilities under the names that {@code predict --json} and the server use. */
  public Map<String, Object> values(Prediction p, Verdict verdict) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("class", verdict.label());
    values.put("probability", verdict.probability());
    values.put("operating_point", point);
    values.put("calibrated", p.calibration().isPresent());
    values.put("probabilities", byClass(p.classes(), p.probabilities()));
    values.put("uncalibrated", byClass(p.classes(), p.uncalibrated()));
    verdict.set().ifPresent(set -> values.put("prediction_set", set));
    return values;
  }

  private static Map<String, Double> byClass(List<String> classes, double[] probabilities) {
    Map<String, Double> values = new LinkedHashMap<>();
    for (int k = 0; k < probabilities.length; k++) {
      values.put(classes.get(k), probabilities[k]);
    }
    return values;
  }
}
