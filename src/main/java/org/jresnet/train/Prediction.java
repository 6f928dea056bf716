package org.jresnet.train;

import java.util.List;
import java.util.Optional;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.metrics.OperatingPoint;

/**
 * What a classifier says of an image.
 *
 * @param classes class names
 * @param logits one per class, in the same order
 * @param probabilities likewise; their sum is 1. Calibrated on validation images where the model
 *     carries a calibration, which moves no verdict
 * @param calibration of the model; empty for models of others and of older versions
 * @param preprocessMillis decoding and resizing
 * @param inferenceMillis from pixels to logits, the median of the last runs; of a {@link
 *     BatchPredictor} an image's share of what its pass was waited for
 */
public record Prediction(
    List<String> classes,
    double[] logits,
    double[] probabilities,
    Optional<ModelCalibration> calibration,
    double preprocessMillis,
    double inferenceMillis) {
  /** Copies the list. */
  public Prediction {
    classes = List.copyOf(classes);
  }

  /** The same after so much time of decoding and resizing. */
  Prediction preprocessed(double millis) {
    return new Prediction(classes, logits, probabilities, calibration, millis, inferenceMillis);
  }

  /** The softmax of the logits, as the network was trained with: too sure, most often. */
  public double[] uncalibrated() {
    float[] single = new float[logits.length];
    for (int k = 0; k < single.length; k++) {
      single[k] = (float) logits[k];
    }
    return Evaluator.softmax(single, 0, single.length);
  }

  /** Index of the most probable class, the first of equals. */
  public int best() {
    return Evaluator.best(logits);
  }

  /** Name of the most probable class. */
  public String label() {
    return classes.get(best());
  }

  /** Probability of the most probable class. */
  public double probability() {
    return probabilities[best()];
  }

  /**
   * Probability of a class.
   *
   * @throws UserError when the model does not know it
   */
  public double probability(String name) {
    return probabilities[index(name)];
  }

  private int index(String name) {
    int index = classes.indexOf(name);
    if (index < 0) {
      throw new UserError(Text.format("no class is named '%s'; there are %s", name, classes));
    }
    return index;
  }

  /**
   * The class at an operating point of {@link ModelCalibration#points}: the positive one where its
   * logit less the other's reaches the threshold.
   *
   * @throws UserError when the model carries no calibration
   */
  public String label(OperatingPoint point) {
    int positive = index(required().positive());
    int other = 1 - positive;
    return classes.get(logits[positive] - logits[other] >= point.threshold() ? positive : other);
  }

  /**
   * The classes that cannot be excluded, see {@link org.jresnet.metrics.Conformal}: for images of
   * the kind that the model was validated on, the true one is missing in at most the share {@code
   * error}. One class is a verdict; with several, or none, the model is unsure.
   *
   * @throws UserError when the model carries no calibration
   */
  public List<String> set(double error) {
    return required().conformal().set(probabilities, error).stream().map(classes::get).toList();
  }

  private ModelCalibration required() {
    return calibration.orElseThrow(
        () ->
            new UserError(
                "the model is uncalibrated: it knows no operating points and no prediction sets;"
                    + " train writes them into its model files"));
  }
}
