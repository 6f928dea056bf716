package org.jresnet.metrics;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A threshold on a two-class score, and what it does on the examples that it was chosen on.
 *
 * @param name {@code eer}, or {@code fpr=0.01} for a rate of false alarms
 * @param threshold "positive" is called at this score and above; in the middle between two examples
 * @param interval of the threshold: what other examples of the same kind would have led to, at 95 %
 * @param falseAlarms negatives called positive
 * @param hits positives called positive
 * @param enough whether there were negatives enough to promise the rate; {@code eer} promises none
 */
public record OperatingPoint(
    String name,
    double threshold,
    Interval interval,
    Proportion falseAlarms,
    Proportion hits,
    boolean enough) {
  /** Where both errors are equally frequent. */
  public static final String EER = "eer";

  /** Before a rate of false alarms. */
  public static final String FPR = "fpr=";

  /**
   * The equal error rate and {@linkplain BinaryScores#RATES 1 and 0.1 %} of false alarms; empty
   * when one of the two classes has no example.
   *
   * @param positive whether each example belongs to the positive class
   * @param scores finite; higher means more positive
   * @param groups name of each example's group, see {@link Resampling}; empty for none
   * @param seed of the bootstrap behind the intervals
   */
  public static List<OperatingPoint> of(
      boolean[] positive, double[] scores, List<String> groups, long seed) {
    Optional<Roc> found = Roc.of(positive, scores);
    if (found.isEmpty()) {
      return List.of();
    }
    Roc roc = found.get();
    Roc.Drawn drawn = roc.drawn(positive, scores);
    List<Interval> intervals =
        Resampling.of(Roc.labels(positive), groups)
            .intervals(seed, counts -> thresholds(drawn.roc(counts)));
    double[] thresholds = thresholds(roc);
    List<OperatingPoint> points = new ArrayList<>();
    for (int i = 0; i < thresholds.length; i++) {
      boolean eer = i == 0;
      double rate = eer ? 0 : BinaryScores.RATES.get(i - 1);
      points.add(
          new OperatingPoint(
              eer ? EER : FPR + rate,
              thresholds[i],
              around(intervals.get(i), thresholds[i]),
              called(positive, scores, thresholds[i], false),
              called(positive, scores, thresholds[i], true),
              eer || promised(roc, rate) > 0));
    }
    return points;
  }

  /** The threshold belongs to its interval, also where the draws say little. */
  private static Interval around(Interval interval, double value) {
    return new Interval(Math.min(interval.low(), value), Math.max(interval.high(), value));
  }

  static double[] thresholds(Roc roc) {
    double[] thresholds = new double[1 + BinaryScores.RATES.size()];
    thresholds[0] = eer(roc);
    for (int i = 1; i < thresholds.length; i++) {
      thresholds[i] = falseAlarms(roc, BinaryScores.RATES.get(i - 1));
    }
    return thresholds;
  }

  private static double eer(Roc roc) {
    int p = 1;
    while (roc.surplus(p) > 0) {
      p++;
    }
    return roc.threshold(Math.abs(roc.surplus(p - 1)) < Math.abs(roc.surplus(p)) ? p - 1 : p);
  }

  /**
   * Above the k-th largest of n negatives, {@code k = ⌊rate·(n + 1)⌋}: as good as one more negative
   * is the k-th largest or larger with chance {@code k/(n + 1) ≤ rate}, whatever the distribution.
   * Where k is 0, above all negatives.
   */
  private static double falseAlarms(Roc roc, double rate) {
    long allowed = Math.max(1, promised(roc, rate)) - 1;
    int p = 0;
    while (p + 1 < roc.points() && roc.falsePositives()[p + 1] <= allowed) {
      p++;
    }
    return roc.threshold(p);
  }

  private static long promised(Roc roc, double rate) {
    long negatives = roc.falsePositives()[roc.points() - 1];
    return (long) Math.floor(rate * (negatives + 1) + Roc.ROUNDING);
  }

  /** The same threshold with the rates that it has on other examples. */
  public OperatingPoint on(boolean[] positive, double[] scores) {
    return new OperatingPoint(
        name,
        threshold,
        interval,
        called(positive, scores, threshold, false),
        called(positive, scores, threshold, true),
        enough);
  }

  private static Proportion called(
      boolean[] positive, double[] scores, double threshold, boolean which) {
    long called = 0;
    long all = 0;
    for (int i = 0; i < scores.length; i++) {
      if (positive[i] == which) {
        all++;
        called += scores[i] >= threshold ? 1 : 0;
      }
    }
    return new Proportion(called, all);
  }
}
