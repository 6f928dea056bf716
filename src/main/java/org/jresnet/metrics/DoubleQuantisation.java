package org.jresnet.metrics;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Whether numbers were rounded to multiples of one step and then of another, from the histogram of
 * what is left: some values then get no or more of the original ones than others, in a rhythm of
 * the two steps (Popescu and Farid 2004, Statistical tools for digital forensics). A JPEG that was
 * decoded and saved again shows it in the coefficients of its 8x8 blocks.
 *
 * <p>For each suspected table of first steps the likelihood of the histograms is compared with that
 * of one rounding. How numbers that were never rounded are spread must be known; in a JPEG blocks
 * that lie across the grid's own have such coefficients.
 *
 * <p>One object serves one thread: it keeps what it has computed for each pair of steps.
 */
public final class DoubleQuantisation {
  /** Largest value that is looked at; 0 is not, it is where decoders and encoders differ most. */
  public static final int VALUES = 24;

  /**
   * Error of a coefficient between the two roundings: pixels were rounded to bytes, and clipped.
   */
  private static final double SIGMA = 0.6;

  /** Share of values that follow no rule at all. */
  private static final double OUTLIERS = 0.02;

  /**
   * Of a pair of steps.
   *
   * @param weights how many of the multiples of the first step end at each value
   * @param logarithms of these
   */
  private record Rhythm(double[] weights, double[] logarithms) {}

  private final Map<Long, Rhythm> rhythms = new HashMap<>();

  /**
   * What was found.
   *
   * @param candidate index of the table of first steps that explains the histograms best, −1 if
   *     none does better than one rounding
   * @param evidence natural logarithm of how much better
   */
  public record Result(int candidate, double evidence) {}

  /**
   * Compares all candidates.
   *
   * @param histograms for each frequency, how often the absolute value k occurs, at k − 1
   * @param unrounded the same of numbers that were never rounded to the last steps
   * @param last the step of the last rounding of each frequency
   * @param first for each candidate, the steps of the first rounding
   */
  public Result of(long[][] histograms, long[][] unrounded, int[] last, int[][] first) {
    int best = -1;
    double evidence = 0;
    for (int c = 0; c < first.length; c++) {
      double gain = 0;
      for (int f = 0; f < histograms.length; f++) {
        if (first[c][f] > 1 && first[c][f] != last[f]) {
          gain += gain(histograms[f], unrounded[f], rhythm(first[c][f], last[f]));
        }
      }
      if (gain > evidence) {
        evidence = gain;
        best = c;
      }
    }
    return new Result(best, evidence);
  }

  /** Log-likelihood with these weights less that without. */
  private static double gain(long[] histogram, long[] unrounded, Rhythm rhythm) {
    double gain = 0;
    double count = 0;
    double sum = 0;
    double expected = 0;
    for (int k = 0; k < VALUES; k++) {
      gain += histogram[k] * rhythm.logarithms[k];
      count += histogram[k];
      // Half an occurrence more, so that no value is impossible.
      sum += unrounded[k] + 0.5;
      expected += (unrounded[k] + 0.5) * rhythm.weights[k];
    }
    return gain - count * Math.log(expected / sum);
  }

  private Rhythm rhythm(int first, int last) {
    return rhythms.computeIfAbsent(
        (long) first << Integer.SIZE | last,
        pair -> {
          double[] weights = reached(first, last);
          return new Rhythm(weights, Arrays.stream(weights).map(Math::log).toArray());
        });
  }

  /** How many of the multiples of the first step end at each value, 1 on average. */
  private static double[] reached(int first, int last) {
    double[] weights = new double[VALUES];
    for (int k = 1; k <= VALUES; k++) {
      double low = (k - 0.5) * last;
      double high = (k + 0.5) * last;
      double sum = 0;
      int from = (int) Math.max(0, Math.floor((low - 4 * SIGMA) / first));
      for (int m = from; m * first <= high + 4 * SIGMA; m++) {
        sum += normal((high - m * first) / SIGMA) - normal((low - m * first) / SIGMA);
      }
      weights[k - 1] = OUTLIERS + (1 - OUTLIERS) * sum * first / last;
    }
    return weights;
  }

  /** Chance that a standard normal value is at most {@code x}. */
  private static double normal(double x) {
    double tail = Normal.twoSided(x) / 2;
    return x < 0 ? tail : 1 - tail;
  }
}
