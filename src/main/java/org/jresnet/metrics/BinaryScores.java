package org.jresnet.metrics;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Threshold-free quality of a two-class score, each computed from its {@link Roc} curve.
 *
 * @param auc area under the ROC curve: the chance that a positive scores above a negative, ties
 *     count half
 * @param eer equal error rate: where false positives and false negatives are equally frequent,
 *     interpolated linearly
 * @param averagePrecision {@code Σ (recall_i − recall_{i−1})·precision_i} over falling thresholds,
 *     as <a
 *     href="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.average_precision_score.html">
 *     scikit-learn</a> defines it
 * @param hitRates true positive rate at each false positive rate of {@link #RATES}, see {@link
 *     Roc#truePositiveRateAt}; empty where there are fewer negatives than one false alarm in that
 *     rate asks for, so that the figure would be that at no false alarm at all
 */
public record BinaryScores(
    double auc, double eer, double averagePrecision, List<OptionalDouble> hitRates) {
  /** False positive rates of {@link #hitRates}: 1 and 0.1 %. */
  public static final List<Double> RATES = List.of(0.01, 0.001);

  /** Copies the list. */
  public BinaryScores {
    hitRates = List.copyOf(hitRates);
  }

  /**
   * Computes the scores; empty when one of the two classes has no example.
   *
   * @param positive whether each example belongs to the positive class
   * @param scores higher means more positive
   * @throws IllegalArgumentException when a score is NaN or the lengths differ
   */
  public static Optional<BinaryScores> of(boolean[] positive, double[] scores) {
    return Roc.of(positive, scores)
        .map(
            roc ->
                new BinaryScores(
                    roc.auc(),
                    roc.eer(),
                    roc.averagePrecision(),
                    RATES.stream()
                        .map(
                            rate ->
                                roc.resolves(rate)
                                    ? OptionalDouble.of(roc.truePositiveRateAt(rate))
                                    : OptionalDouble.empty())
                        .toList()));
  }
}
