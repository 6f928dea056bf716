package org.jresnet.train;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import org.jresnet.metrics.BinaryIntervals;
import org.jresnet.metrics.BinaryScores;
import org.jresnet.metrics.ConfusionMatrix;
import org.jresnet.metrics.Temperature;

/**
 * How a model does on labelled images.
 *
 * @param classes class names
 * @param positive index of the class that scores speak for
 * @param scored all images that could be decoded, at least one
 * @param badImages files left out, with the reason
 * @param calibration of the model, if it carries one
 */
public record Evaluation(
    List<String> classes,
    int positive,
    List<Scored> scored,
    Map<String, String> badImages,
    Optional<ModelCalibration> calibration) {
  /** Seed of the bootstrap, so that the same predictions have the same intervals. */
  private static final long SEED = 1;

  /** Copies the collections. */
  public Evaluation {
    classes = List.copyOf(classes);
    scored = List.copyOf(scored);
    badImages = Map.copyOf(badImages);
  }

  /** Number of images with a prediction. */
  public int images() {
    return scored.size();
  }

  /** Whether each image is of the positive class. */
  boolean[] positives() {
    boolean[] positives = new boolean[scored.size()];
    for (int i = 0; i < positives.length; i++) {
      positives[i] = scored.get(i).sample().label() == positive;
    }
    return positives;
  }

  /** The positive's logit less the other's, of two classes: higher means more positive. */
  double[] scores() {
    double[] scores = new double[scored.size()];
    for (int i = 0; i < scores.length; i++) {
      double[] logits = scored.get(i).logits();
      scores[i] = logits[positive] - logits[1 - positive];
    }
    return scores;
  }

  /** Probabilities of images at a temperature. */
  static double[][] probabilities(List<Scored> images, Temperature temperature) {
    return images.stream().map(s -> temperature.probabilities(s.logits())).toArray(double[][]::new);
  }

  /** Mean cross-entropy. */
  public double loss() {
    double sum = 0;
    for (Scored s : scored) {
      sum -= Math.log(Math.max(s.probabilities()[s.sample().label()], Double.MIN_NORMAL));
    }
    return sum / scored.size();
  }

  /** True against predicted classes. */
  public ConfusionMatrix confusion() {
    return ConfusionMatrix.of(
        classes,
        scored.stream().mapToInt(s -> s.sample().label()).toArray(),
        scored.stream().mapToInt(Scored::predicted).toArray());
  }

  /** Threshold-free scores of two classes, where both have images. */
  public Optional<BinaryScores> binary() {
    return binary(BinaryScores::of);
  }

  /** The intervals of {@link #binary()}; takes a second from 100,000 images on. */
  public Optional<BinaryIntervals> intervals() {
    return binary((positives, scores) -> BinaryIntervals.of(positives, scores, SEED));
  }

  private <T> Optional<T> binary(BiFunction<boolean[], double[], Optional<T>> metric) {
    return classes.size() == 2 ? metric.apply(positives(), scores()) : Optional.empty();
  }
}
