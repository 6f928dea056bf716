package org.jresnet.metrics;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Sets of classes that hold the true one with a chance that is chosen beforehand: split conformal
 * prediction (Vovk, Gammerman and Shafer 2005; Angelopoulos and Bates 2021, <a
 * href="https://arxiv.org/abs/2107.07511">arXiv:2107.07511</a>). An example's nonconformity is 1
 * less the probability of its class. The promise holds on average over images of the kind that was
 * calibrated on, whatever the network; it says nothing of images of another kind.
 *
 * @param count examples that were calibrated on
 * @param scores their nonconformities, ascending; of more than {@value #MAX_SCORES} examples as
 *     many, of equally spaced ranks
 */
public record Conformal(int count, List<Double> scores) {
  private static final int MAX_SCORES = 1000;

  /** Checks the order. */
  public Conformal {
    scores = List.copyOf(scores);
    if (scores.size() != Math.min(count, MAX_SCORES)) {
      throw new IllegalArgumentException(
          count
              + " examples have "
              + Math.min(count, MAX_SCORES)
              + " scores, found "
              + scores.size());
    }
    for (int i = 1; i < scores.size(); i++) {
      if (!(scores.get(i - 1) <= scores.get(i))) {
        throw new IllegalArgumentException("the scores do not ascend");
      }
    }
  }

  /**
   * Calibrates.
   *
   * @param labels true class of each example
   * @param probabilities {@code [example][class]}
   */
  public static Conformal of(int[] labels, double[][] probabilities) {
    Examples.check(labels, probabilities);
    int n = labels.length;
    double[] all = new double[n];
    for (int i = 0; i < n; i++) {
      all[i] = 1 - probabilities[i][labels[i]];
    }
    Arrays.sort(all);
    List<Double> kept = new ArrayList<>();
    int size = Math.min(n, MAX_SCORES);
    for (int i = 0; i < size; i++) {
      kept.add(all[rank(i, n, size) - 1]);
    }
    return new Conformal(n, kept);
  }

  /** The rank, from 1, of the i-th score that is kept: the last is the largest. */
  private static int rank(int i, int n, int size) {
    return (int) (((long) (i + 1) * n + size - 1) / size);
  }

  /**
   * The {@code ⌈(n + 1)(1 − error)⌉}-th smallest nonconformity, or the next that was kept; infinite
   * where n is too small for the error, so that every set holds all classes.
   *
   * @param error share of sets that may miss the true class, between 0 and 1
   */
  public double quantile(double error) {
    if (!(error > 0 && error < 1)) {
      throw new IllegalArgumentException("the error lies between 0 and 1, found " + error);
    }
    long wanted = (long) Math.ceil((count + 1) * (1 - error) - Roc.ROUNDING);
    for (int i = 0; i < scores.size(); i++) {
      if (rank(i, count, scores.size()) >= wanted) {
        return scores.get(i);
      }
    }
    return Double.POSITIVE_INFINITY;
  }

  /** Numbers of the classes that cannot be excluded; none where no class is as likely as usual. */
  public List<Integer> set(double[] probabilities, double error) {
    double quantile = quantile(error);
    List<Integer> held = new ArrayList<>();
    for (int k = 0; k < probabilities.length; k++) {
      if (1 - probabilities[k] <= quantile) {
        held.add(k);
      }
    }
    return held;
  }
}
