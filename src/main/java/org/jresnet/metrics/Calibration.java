package org.jresnet.metrics;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Whether predicted probabilities mean what they say.
 *
 * @param expectedError expected calibration error: the mean distance between confidence (the
 *     largest probability) and accuracy in {@value #BINS} equally wide bins of confidence, weighted
 *     by their examples (Guo et al. 2017, <a
 *     href="https://arxiv.org/abs/1706.04599">arXiv:1706.04599</a>)
 * @param brier mean over examples of {@code Σ_k (p_k − [k = label])²}, Brier's own definition of
 *     1950, from 0 to 2; for two classes it is twice scikit-learn's {@code brier_score_loss}
 * @param nll mean negative logarithm of the label's probability, in nats; infinite when a label was
 *     given probability 0
 */
public record Calibration(double expectedError, double brier, double nll) {
  /** Bins of the expected calibration error; bin b holds the confidences in (b/15, (b+1)/15]. */
  public static final int BINS = 15;

  /** What sums of single-precision softmaxes over a thousand classes may miss. */
  private static final double SUM_TOLERANCE = 1e-4;

  /**
   * Computes all three; empty without examples.
   *
   * @param labels true class of each example
   * @param probabilities {@code [example][class]}, each row between 0 and 1 and summing to 1
   * @throws IllegalArgumentException when a row is no distribution or a label no class
   */
  public static Optional<Calibration> of(int[] labels, double[][] probabilities) {
    Examples.check(labels, probabilities);
    if (labels.length == 0) {
      return Optional.empty();
    }
    double[] surplus = new double[BINS];
    double brier = 0;
    double nll = 0;
    for (int i = 0; i < labels.length; i++) {
      double[] p = probabilities[i];
      requireDistribution(p, i);
      int best = 0;
      for (int k = 0; k < p.length; k++) {
        double miss = p[k] - (k == labels[i] ? 1 : 0);
        brier += miss * miss;
        best = p[k] > p[best] ? k : best;
      }
      nll -= Math.log(p[labels[i]]);
      int bin = bin(p[best]);
      surplus[bin] += p[best] - (best == labels[i] ? 1 : 0);
    }
    double error = 0;
    for (double s : surplus) {
      error += Math.abs(s);
    }
    int n = labels.length;
    return Optional.of(new Calibration(error / n, brier / n, nll / n));
  }

  private static int bin(double confidence) {
    return Math.min(BINS, (int) Math.ceil(confidence * BINS)) - 1;
  }

  /**
   * One bar of a reliability diagram: examples whose confidence lies in {@code (number/15, (number
   * + 1)/15]}.
   *
   * @param number of the bin, from 0
   * @param confidence their mean confidence
   * @param correct how many of them are right
   */
  public record Bin(int number, double confidence, Proportion correct) {}

  /** The bins of the expected calibration error that hold examples; arguments as in {@link #of}. */
  public static List<Bin> bins(int[] labels, double[][] probabilities) {
    Examples.check(labels, probabilities);
    double[] confidence = new double[BINS];
    long[] hits = new long[BINS];
    long[] total = new long[BINS];
    for (int i = 0; i < labels.length; i++) {
      double[] p = probabilities[i];
      requireDistribution(p, i);
      int best = 0;
      for (int k = 0; k < p.length; k++) {
        best = p[k] > p[best] ? k : best;
      }
      int bin = bin(p[best]);
      confidence[bin] += p[best];
      hits[bin] += best == labels[i] ? 1 : 0;
      total[bin]++;
    }
    List<Bin> bins = new ArrayList<>();
    for (int b = 0; b < BINS; b++) {
      if (total[b] > 0) {
        bins.add(new Bin(b, confidence[b] / total[b], new Proportion(hits[b], total[b])));
      }
    }
    return bins;
  }

  private static void requireDistribution(double[] p, int example) {
    double sum = 0;
    for (double value : p) {
      if (!(value >= 0 && value <= 1 + SUM_TOLERANCE)) {
        throw new IllegalArgumentException(
            "probabilities lie between 0 and 1, found " + value + " for example " + example);
      }
      sum += value;
    }
    if (Math.abs(sum - 1) > SUM_TOLERANCE) {
      throw new IllegalArgumentException(
          "probabilities sum to 1, found " + sum + " for example " + example);
    }
  }
}
