package org.jresnet.metrics;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Optional;

/**
 * Threshold-free quality of a two-class score.
 *
 * @param auc area under the ROC curve: the chance that a positive scores above a negative, ties
 *     count half
 * @param eer equal error rate: where false positives and false negatives are equally frequent,
 *     interpolated linearly
 * @param averagePrecision {@code Σ (recall_i − recall_{i−1})·precision_i} over falling thresholds,
 *     as <a
 *     href="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.average_precision_score.html">
 *     scikit-learn</a> defines it
 */
public record BinaryScores(double auc, double eer, double averagePrecision) {
  /**
   * Computes the scores; empty when one of the two classes has no example.
   *
   * @param positive whether each example belongs to the positive class
   * @param scores higher means more positive
   * @throws IllegalArgumentException when a score is NaN
   */
  public static Optional<BinaryScores> of(boolean[] positive, double[] scores) {
    long positives = 0;
    for (int i = 0; i < scores.length; i++) {
      if (Double.isNaN(scores[i])) {
        throw new IllegalArgumentException("score " + i + " is NaN");
      }
      positives += positive[i] ? 1 : 0;
    }
    long negatives = scores.length - positives;
    if (positives == 0 || negatives == 0) {
      return Optional.empty();
    }
    Integer[] order = new Integer[scores.length];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, Comparator.comparingDouble((Integer i) -> scores[i]).reversed());
    double auc = 0;
    double precisionSum = 0;
    double eer = Double.NaN;
    double tp = 0;
    double fp = 0;
    for (int i = 0; i < order.length; ) {
      double previousTp = tp;
      double previousFp = fp;
      double threshold = scores[order[i]];
      for (; i < order.length && scores[order[i]] == threshold; i++) {
        tp += positive[order[i]] ? 1 : 0;
        fp += positive[order[i]] ? 0 : 1;
      }
      auc += (fp - previousFp) * (tp + previousTp) / 2;
      precisionSum += (tp - previousTp) * tp / (tp + fp);
      if (Double.isNaN(eer) && fp / negatives >= 1 - tp / positives) {
        double before = 1 - previousTp / positives - previousFp / negatives;
        double after = 1 - tp / positives - fp / negatives;
        double share = before / (before - after);
        eer = (previousFp + share * (fp - previousFp)) / negatives;
      }
    }
    return Optional.of(
        new BinaryScores(auc / ((double) positives * negatives), eer, precisionSum / positives));
  }
}
