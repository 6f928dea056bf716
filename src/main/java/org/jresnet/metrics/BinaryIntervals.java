package org.jresnet.metrics;

import java.util.Arrays;
import java.util.Optional;
import java.util.SplittableRandom;
import org.jresnet.base.RandomStreams;

/**
 * How far {@link BinaryScores} can be trusted, given how few examples they were measured on.
 *
 * @param auc Newcombe's interval, see {@link #auc(double, long, long)}
 * @param eer of the bootstrap; where the scores separate the classes without an error, from which a
 *     bootstrap learns nothing, up to Wilson's bound for no error in the smaller class
 * @param averagePrecision of the bootstrap; empty where the scores separate the classes
 */
public record BinaryIntervals(Interval auc, Interval eer, Optional<Interval> averagePrecision) {
  /** Draws of the bootstrap. */
  static final int RESAMPLES = 2000;

  /** Between two doubles no further half exists after this many. */
  private static final int HALVINGS = 60;

  /**
   * Computes the intervals; empty when one of the two classes has no example.
   *
   * @param positive whether each example belongs to the positive class
   * @param scores higher means more positive
   * @param seed of the bootstrap: the same seed gives the same interval
   */
  public static Optional<BinaryIntervals> of(boolean[] positive, double[] scores, long seed) {
    return Roc.of(positive, scores).map(roc -> of(roc, seed));
  }

  private static BinaryIntervals of(Roc roc, long seed) {
    int last = roc.points() - 1;
    long positives = roc.truePositives()[last];
    long negatives = roc.falsePositives()[last];
    Interval auc = auc(roc.auc(), positives, negatives);
    if (roc.auc() == 1 || roc.auc() == 0) {
      Interval none = new Proportion(0, Math.min(positives, negatives)).interval().orElseThrow();
      Interval eer = roc.auc() == 1 ? none : new Interval(1 - none.high(), 1);
      return new BinaryIntervals(auc, eer, Optional.empty());
    }
    int[] positivePoints = points(roc.truePositives());
    int[] negativePoints = points(roc.falsePositives());
    double[] eer = new double[RESAMPLES];
    double[] precision = new double[RESAMPLES];
    for (int r = 0; r < RESAMPLES; r++) {
      SplittableRandom random = RandomStreams.of(seed, "bootstrap", r);
      Roc drawn =
          new Roc(
              roc.thresholds(),
              draw(positivePoints, roc.points(), random),
              draw(negativePoints, roc.points(), random));
      eer[r] = drawn.eer();
      precision[r] = drawn.averagePrecision();
    }
    return new BinaryIntervals(auc, percentiles(eer), Optional.of(percentiles(precision)));
  }

  /** The curve's point at which each example is passed. */
  private static int[] points(long[] counts) {
    int[] points = new int[Math.toIntExact(counts[counts.length - 1])];
    for (int p = 1; p < counts.length; p++) {
      Arrays.fill(points, (int) counts[p - 1], (int) counts[p], p);
    }
    return points;
  }

  /** Counts along the curve of as many examples of one class, drawn with replacement. */
  private static long[] draw(int[] examples, int points, SplittableRandom random) {
    long[] counts = new long[points];
    for (int i = 0; i < examples.length; i++) {
      counts[examples[random.nextInt(examples.length)]]++;
    }
    for (int p = 1; p < points; p++) {
      counts[p] += counts[p - 1];
    }
    return counts;
  }

  private static Interval percentiles(double[] values) {
    Arrays.sort(values);
    int cut = Math.round(0.025f * values.length);
    return new Interval(values[cut], values[values.length - 1 - cut]);
  }

  /**
   * All areas θ whose distance to the measured one is within 1.96 of Hanley and McNeil's standard
   * errors at θ: {@code V(θ) = θ(1−θ)·(1 + N·((1−θ)/(2−θ) + θ/(1+θ)))/(mn)}, {@code N = (m+n)/2 −
   * 1}; method 5 of Newcombe (2006), <a href="https://doi.org/10.1002/sim.2324">Confidence
   * intervals for an effect size measure based on the Mann-Whitney statistic, part 2</a>. DeLong's
   * variance is 0 where the scores separate the classes, so its interval would claim certainty
   * after two examples; this one does not.
   *
   * @param auc measured area
   * @param positives m, at least 1
   * @param negatives n, at least 1
   */
  public static Interval auc(double auc, long positives, long negatives) {
    return new Interval(
        end(auc, 0, positives, negatives), auc == 1 ? 1 : end(auc, 1, positives, negatives));
  }

  /** Between the area, which belongs to the interval, and the end, which does not or barely. */
  private static double end(double auc, double extreme, long m, long n) {
    double inside = auc;
    double outside = extreme;
    for (int i = 0; i < HALVINGS; i++) {
      double middle = (inside + outside) / 2;
      if ((auc - middle) * (auc - middle) <= Interval.Z * Interval.Z * variance(middle, m, n)) {
        inside = middle;
      } else {
        outside = middle;
      }
    }
    return inside;
  }

  private static double variance(double area, long m, long n) {
    double half = (m + n) / 2.0 - 1;
    return area
        * (1 - area)
        * (1 + half * ((1 - area) / (2 - area) + area / (1 + area)))
        / ((double) m * n);
  }
}
