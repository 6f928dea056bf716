package org.jresnet.metrics;

import java.util.Arrays;
import java.util.Comparator;
import java.util.OptionalDouble;

/**
 * The area under a ROC curve with its standard error, and the difference of two on the same
 * examples: DeLong, DeLong and Clarke-Pearson (1988, <a
 * href="https://doi.org/10.2307/2531595">Comparing the areas under two or more correlated receiver
 * operating characteristic curves</a>), by mid-ranks (Sun and Xu 2014, <a
 * href="https://doi.org/10.1109/LSP.2014.2337313">Fast implementation of DeLong's algorithm</a>).
 * It takes examples for independent: for examples in groups, see {@link Resampling}.
 *
 * @param difference area of the first less area of the second
 * @param standardError of the difference; 0 where neither area can vary, such as for two scores
 *     that both separate the classes
 */
public record DeLong(double difference, double standardError) {
  /** Chance of such a difference, or a larger one, between two scores that are equally good. */
  public OptionalDouble pValue() {
    if (standardError > 0) {
      return OptionalDouble.of(Normal.twoSided(difference / standardError));
    }
    return difference == 0 ? OptionalDouble.of(1) : OptionalDouble.empty();
  }

  /**
   * Compares two scores of the same examples.
   *
   * @param positive whether each example belongs to the positive class; two of each are needed
   * @throws IllegalArgumentException when a class has fewer than two examples, the lengths differ,
   *     or a score is NaN
   */
  public static DeLong compare(boolean[] positive, double[] first, double[] second) {
    Components a = Components.of(positive, first);
    Components b = Components.of(positive, second);
    double variance =
        variance(minus(a.positives, b.positives)) / a.positives.length
            + variance(minus(a.negatives, b.negatives)) / a.negatives.length;
    return new DeLong(a.auc() - b.auc(), Math.sqrt(variance));
  }

  /** Standard error of the area under one score's curve. */
  public static double standardError(boolean[] positive, double[] scores) {
    Components c = Components.of(positive, scores);
    return Math.sqrt(
        variance(c.positives) / c.positives.length + variance(c.negatives) / c.negatives.length);
  }

  /** For each positive the share of negatives below it, for each negative of positives above it. */
  private record Components(double[] positives, double[] negatives) {
    static Components of(boolean[] positive, double[] scores) {
      if (positive.length != scores.length) {
        throw new IllegalArgumentException(
            "one score per example is needed, found " + scores.length + " for " + positive.length);
      }
      double[] all = midRanks(scores);
      double[] above = select(positive, scores, true);
      double[] below = select(positive, scores, false);
      if (above.length < 2 || below.length < 2) {
        throw new IllegalArgumentException(
            "two examples of each class are needed, found "
                + above.length
                + " and "
                + below.length);
      }
      return new Components(
          placements(select(positive, all, true), midRanks(above), below.length, 1),
          placements(select(positive, all, false), midRanks(below), above.length, -1));
    }

    private static double[] placements(double[] inAll, double[] inOwn, int others, int sign) {
      double[] shares = new double[inAll.length];
      for (int i = 0; i < shares.length; i++) {
        double below = (inAll[i] - inOwn[i]) / others;
        shares[i] = sign > 0 ? below : 1 - below;
      }
      return shares;
    }

    double auc() {
      return Arrays.stream(positives).average().orElseThrow();
    }
  }

  private static double[] select(boolean[] positive, double[] values, boolean wanted) {
    return java.util.stream.IntStream.range(0, values.length)
        .filter(i -> positive[i] == wanted)
        .mapToDouble(i -> values[i])
        .toArray();
  }

  /** Ranks from 1; equal values share the mean of theirs. */
  private static double[] midRanks(double[] values) {
    Integer[] order = new Integer[values.length];
    for (int i = 0; i < values.length; i++) {
      if (Double.isNaN(values[i])) {
        throw new IllegalArgumentException("a score is NaN");
      }
      order[i] = i;
    }
    Arrays.sort(order, Comparator.comparingDouble(i -> values[i]));
    double[] ranks = new double[values.length];
    for (int from = 0; from < order.length; ) {
      int to = from;
      while (to < order.length && values[order[to]] == values[order[from]]) {
        to++;
      }
      for (int i = from; i < to; i++) {
        ranks[order[i]] = (from + 1 + to) / 2.0;
      }
      from = to;
    }
    return ranks;
  }

  private static double[] minus(double[] a, double[] b) {
    double[] difference = new double[a.length];
    for (int i = 0; i < a.length; i++) {
      difference[i] = a[i] - b[i];
    }
    return difference;
  }

  /** With n − 1. */
  private static double variance(double[] values) {
    double mean = Arrays.stream(values).average().orElseThrow();
    return Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum() / (values.length - 1);
  }
}
