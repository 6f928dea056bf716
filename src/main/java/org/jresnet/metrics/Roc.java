package org.jresnet.metrics;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Optional;

/**
 * The ROC curve of a two-class score as counts, one point per distinct score (ties move together)
 * after the point (0, 0), thresholds falling; the points of scikit-learn's {@code roc_curve} with
 * {@code drop_intermediate=False}.
 *
 * @param thresholds "positive" is called at this score and above; the first is infinite
 * @param truePositives positives called positive, at each threshold
 * @param falsePositives negatives called positive, at each threshold
 */
public record Roc(double[] thresholds, long[] truePositives, long[] falsePositives) {
  /** What products of whole numbers and decimal shares may miss. */
  static final double ROUNDING = 1e-9;

  /**
   * Walks the scores downwards; empty when one of the two classes has no example.
   *
   * @param positive whether each example belongs to the positive class
   * @param scores higher means more positive; infinite ones are allowed
   * @throws IllegalArgumentException when a score is NaN or the lengths differ
   */
  public static Optional<Roc> of(boolean[] positive, double[] scores) {
    if (positive.length != scores.length) {
      throw new IllegalArgumentException(
          "one score per example is needed, found "
              + scores.length
              + " for "
              + positive.length
              + " examples");
    }
    long positives = 0;
    Integer[] order = new Integer[scores.length];
    for (int i = 0; i < scores.length; i++) {
      if (Double.isNaN(scores[i])) {
        throw new IllegalArgumentException("score " + i + " is NaN");
      }
      positives += positive[i] ? 1 : 0;
      order[i] = i;
    }
    if (positives == 0 || positives == scores.length) {
      return Optional.empty();
    }
    Arrays.sort(order, Comparator.comparingDouble((Integer i) -> scores[i]).reversed());
    double[] thresholds = new double[scores.length + 1];
    long[] tp = new long[scores.length + 1];
    long[] fp = new long[scores.length + 1];
    thresholds[0] = Double.POSITIVE_INFINITY;
    int points = 1;
    for (int i = 0; i < order.length; points++) {
      double threshold = scores[order[i]];
      thresholds[points] = threshold;
      tp[points] = tp[points - 1];
      fp[points] = fp[points - 1];
      for (; i < order.length && scores[order[i]] == threshold; i++) {
        if (positive[order[i]]) {
          tp[points]++;
        } else {
          fp[points]++;
        }
      }
    }
    return Optional.of(
        new Roc(
            Arrays.copyOf(thresholds, points),
            Arrays.copyOf(tp, points),
            Arrays.copyOf(fp, points)));
  }

  /** Number of points, (0, 0) and (1, 1) included. */
  public int points() {
    return thresholds.length;
  }

  /** Share of positives called positive (recall) at a point. */
  public double truePositiveRate(int point) {
    return (double) truePositives[point] / truePositives[points() - 1];
  }

  /** Share of negatives called positive at a point. */
  public double falsePositiveRate(int point) {
    return (double) falsePositives[point] / falsePositives[points() - 1];
  }

  /**
   * Area under the curve by trapezia, which is the Mann-Whitney statistic: the chance that a
   * positive scores above a negative, ties counting half.
   */
  public double auc() {
    double area = 0;
    for (int p = 1; p < points(); p++) {
      area +=
          (falsePositives[p] - falsePositives[p - 1])
              * (truePositives[p] + truePositives[p - 1])
              / 2.0;
    }
    return area / ((double) truePositives[points() - 1] * falsePositives[points() - 1]);
  }

  /**
   * Equal error rate: where the straight line between two points of the curve has as many false
   * positives (of the negatives) as false negatives (of the positives).
   */
  public double eer() {
    int p = 1;
    while (surplus(p) > 0) {
      p++;
    }
    double share = surplus(p - 1) / (surplus(p - 1) - surplus(p));
    return falsePositiveRate(p - 1) + share * (falsePositiveRate(p) - falsePositiveRate(p - 1));
  }

  /** False negative rate less false positive rate: 1 at (0, 0), −1 at (1, 1), never rising. */
  double surplus(int point) {
    return 1 - truePositiveRate(point) - falsePositiveRate(point);
  }

  /** {@code Σ (recall_p − recall_{p−1}) · precision_p}: no interpolation. */
  public double averagePrecision() {
    double sum = 0;
    for (int p = 1; p < points(); p++) {
      if (truePositives[p] > truePositives[p - 1]) {
        double precision = (double) truePositives[p] / (truePositives[p] + falsePositives[p]);
        sum += (truePositiveRate(p) - truePositiveRate(p - 1)) * precision;
      }
    }
    return sum;
  }

  /** Largest true positive rate of a point whose false positive rate is at most that. */
  public double truePositiveRateAt(double falsePositiveRate) {
    int p = 0;
    while (p + 1 < points() && falsePositiveRate(p + 1) <= falsePositiveRate) {
      p++;
    }
    return truePositiveRate(p);
  }

  /** Whether there are negatives enough that one false alarm is no more than such a rate. */
  public boolean resolves(double falsePositiveRate) {
    return falsePositives[points() - 1] * falsePositiveRate >= 1 - ROUNDING;
  }

  /**
   * A threshold in the middle between the scores that are called positive at a point and those that
   * are not; points at which the counts do not change are passed over.
   */
  double threshold(int point) {
    int last = points() - 1;
    int called = point;
    while (called > 0 && same(called, called - 1)) {
      called--;
    }
    int refused = point + 1;
    while (refused <= last && same(refused, point)) {
      refused++;
    }
    if (called == 0) {
      return Math.nextUp(thresholds[Math.min(refused, last)]);
    }
    return refused > last
        ? thresholds[called]
        : thresholds[refused] + (thresholds[called] - thresholds[refused]) / 2;
  }

  private boolean same(int a, int b) {
    return truePositives[a] == truePositives[b] && falsePositives[a] == falsePositives[b];
  }

  /** Makes the curves of draws from the examples of this one. */
  Drawn drawn(boolean[] positive, double[] scores) {
    int[] places = new int[scores.length];
    for (int i = 0; i < scores.length; i++) {
      places[i] = place(scores[i]);
    }
    return new Drawn(this, positive, places);
  }

  /** The point at which examples with that score are passed, by halving. */
  private int place(double score) {
    int low = 1;
    int high = points() - 1;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (thresholds[middle] > score) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /**
   * Examples by their points of a curve.
   *
   * @param places each example's point
   */
  record Drawn(Roc roc, boolean[] positive, int[] places) {
    /** The curve of as many copies of each example, with the thresholds of the first. */
    Roc roc(int[] counts) {
      long[] tp = new long[roc.points()];
      long[] fp = new long[roc.points()];
      for (int i = 0; i < counts.length; i++) {
        (positive[i] ? tp : fp)[places[i]] += counts[i];
      }
      for (int p = 1; p < tp.length; p++) {
        tp[p] += tp[p - 1];
        fp[p] += fp[p - 1];
      }
      return new Roc(roc.thresholds, tp, fp);
    }
  }

  /** Positives as class 1, negatives as class 0. */
  static int[] labels(boolean[] positive) {
    int[] labels = new int[positive.length];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = positive[i] ? 1 : 0;
    }
    return labels;
  }
}
