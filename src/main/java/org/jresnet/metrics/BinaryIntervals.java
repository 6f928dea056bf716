package org.jresnet.metrics;

import java.util.List;
import java.util.Optional;

/**
 * How far {@link BinaryScores} can be trusted, given how few examples they were measured on.
 *
 * @param auc Newcombe's interval, see {@link #auc(double, long, long)}; of the bootstrap where
 *     examples have groups
 * @param eer of the bootstrap; where the scores separate the classes without an error, from which a
 *     bootstrap learns nothing, up to Wilson's bound for no error in the smaller class
 * @param averagePrecision of the bootstrap; empty where the scores separate the classes
 * @param hitRates in the order of {@link BinaryScores#RATES}: of the bootstrap, or Wilson's where
 *     the scores separate the classes; empty where there are too few negatives for the rate
 */
public record BinaryIntervals(
    Interval auc,
    Interval eer,
    Optional<Interval> averagePrecision,
    List<Optional<Interval>> hitRates) {
  /** Between two doubles no further half exists after this many. */
  private static final int HALVINGS = 60;

  /** Copies the list. */
  public BinaryIntervals {
    hitRates = List.copyOf(hitRates);
  }

  /** Computes the intervals of independent examples; see the other method. */
  public static Optional<BinaryIntervals> of(boolean[] positive, double[] scores, long seed) {
    return of(positive, scores, List.of(), seed);
  }

  /**
   * Computes the intervals; empty when one of the two classes has no example.
   *
   * @param positive whether each example belongs to the positive class
   * @param scores higher means more positive
   * @param groups name of each example's group, see {@link Resampling}; empty for none
   * @param seed of the bootstrap: the same seed gives the same interval
   */
  public static Optional<BinaryIntervals> of(
      boolean[] positive, double[] scores, List<String> groups, long seed) {
    return Roc.of(positive, scores)
        .map(
            roc ->
                of(
                    roc,
                    roc.drawn(positive, scores),
                    Resampling.of(Roc.labels(positive), groups),
                    groups.isEmpty(),
                    seed));
  }

  private static BinaryIntervals of(
      Roc roc, Roc.Drawn drawn, Resampling resampling, boolean independent, long seed) {
    long positives = resampling.units(1);
    long negatives = resampling.units(0);
    Interval area = auc(roc.auc(), positives, negatives);
    if (roc.auc() == 1 || roc.auc() == 0) {
      return separated(roc, area, positives, negatives);
    }
    List<Interval> drawnIntervals =
        resampling.intervals(
            seed,
            counts -> {
              Roc r = drawn.roc(counts);
              double[] values = new double[3 + BinaryScores.RATES.size()];
              values[0] = r.auc();
              values[1] = r.eer();
              values[2] = r.averagePrecision();
              for (int i = 0; i < BinaryScores.RATES.size(); i++) {
                values[3 + i] = r.truePositiveRateAt(BinaryScores.RATES.get(i));
              }
              return values;
            });
    return new BinaryIntervals(
        independent ? area : drawnIntervals.get(0),
        drawnIntervals.get(1),
        Optional.of(drawnIntervals.get(2)),
        hitRates(roc, drawnIntervals.subList(3, drawnIntervals.size())));
  }

  private static BinaryIntervals separated(Roc roc, Interval area, long positives, long negatives) {
    boolean right = roc.auc() == 1;
    Interval none = new Proportion(0, Math.min(positives, negatives)).interval().orElseThrow();
    Interval eer = right ? none : new Interval(1 - none.high(), 1);
    Interval hits = new Proportion(right ? positives : 0, positives).interval().orElseThrow();
    return new BinaryIntervals(
        area,
        eer,
        Optional.empty(),
        hitRates(roc, BinaryScores.RATES.stream().map(rate -> hits).toList()));
  }

  private static List<Optional<Interval>> hitRates(Roc roc, List<Interval> intervals) {
    return java.util.stream.IntStream.range(0, intervals.size())
        .mapToObj(
            i ->
                roc.resolves(BinaryScores.RATES.get(i))
                    ? Optional.of(intervals.get(i))
                    : Optional.<Interval>empty())
        .toList();
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
