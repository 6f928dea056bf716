package org.jresnet.metrics;

/**
 * One number by which all logits are divided so that probabilities mean what they say (Guo et al.
 * 2017, <a href="https://arxiv.org/abs/1706.04599">arXiv:1706.04599</a>). It moves no verdict: the
 * largest logit stays the largest.
 *
 * @param value between 1e-6 and 1e6; 1 changes nothing
 * @param fit where the value comes from
 */
public record Temperature(double value, Fit fit) {
  /** Where a temperature comes from. */
  public enum Fit {
    /** The one with the largest likelihood. */
    FITTED,
    /**
     * Every example's own class has the largest logit: the likelihood rises for ever as the
     * temperature falls to 0, so the examples do not say where to stop, and 1 is kept.
     */
    SEPARABLE,
    /** The logits favour wrong classes: the likelihood is largest without them; 1 is kept. */
    MISLEADING,
    /** Too few examples to fit even one number; 1 is kept. */
    TOO_FEW
  }

  /** Fewer examples than this leave the temperature at 1. */
  public static final int MIN_EXAMPLES = 10;

  /** Beyond, softmaxes are flat or steps in double precision. */
  private static final double LARGEST = 1e6;

  private static final int MAX_STEPS = 200;
  private static final double ENOUGH = 1e-13;

  /** Checks the value. */
  public Temperature {
    if (!(value >= 1 / LARGEST && value <= LARGEST)) {
      throw new IllegalArgumentException(
          "the temperature is a positive number between 1e-6 and 1e6, found " + value);
    }
  }

  /**
   * Minimises the mean negative log-likelihood over {@code β = 1/T}, in which it is convex: {@code
   * f'(β) = mean(Σ_k p_k z_k − z_label)}, {@code f''(β) = mean(Var_p z)}; Newton's steps, halved
   * into the interval in which the minimum lies where they leave it.
   *
   * @param labels true class of each example
   * @param logits {@code [example][class]}, finite
   * @throws IllegalArgumentException when a label is no class or the lengths differ
   */
  public static Temperature fit(int[] labels, double[][] logits) {
    Examples.check(labels, logits);
    if (labels.length < MIN_EXAMPLES) {
      return new Temperature(1, Fit.TOO_FEW);
    }
    if (separable(labels, logits)) {
      return new Temperature(1, Fit.SEPARABLE);
    }
    if (derivatives(labels, logits, 0)[0] >= 0) {
      return new Temperature(1, Fit.MISLEADING);
    }
    double low = 0;
    double high = 1;
    while (derivatives(labels, logits, high)[0] < 0) {
      low = high;
      high *= 2;
    }
    double beta = (low + high) / 2;
    for (int i = 0; i < MAX_STEPS && high - low > ENOUGH * high; i++) {
      double[] d = derivatives(labels, logits, beta);
      if (d[0] < 0) {
        low = beta;
      } else {
        high = beta;
      }
      double next = beta - d[0] / d[1];
      boolean inside = next > low && next < high;
      double step = inside ? next - beta : (low + high) / 2 - beta;
      beta += step;
      if (Math.abs(step) <= ENOUGH * beta) {
        break;
      }
    }
    return new Temperature(Math.max(1 / LARGEST, Math.min(LARGEST, 1 / beta)), Fit.FITTED);
  }

  private static boolean separable(int[] labels, double[][] logits) {
    for (int i = 0; i < labels.length; i++) {
      for (double z : logits[i]) {
        if (z > logits[i][labels[i]]) {
          return false;
        }
      }
    }
    return true;
  }

  /** Means of the first and the second derivative by β. */
  private static double[] derivatives(int[] labels, double[][] logits, double beta) {
    double first = 0;
    double second = 0;
    for (int i = 0; i < labels.length; i++) {
      double[] z = logits[i];
      double[] p = softmax(z, beta);
      double mean = 0;
      for (int k = 0; k < z.length; k++) {
        mean += p[k] * z[k];
      }
      double variance = 0;
      for (int k = 0; k < z.length; k++) {
        variance += p[k] * (z[k] - mean) * (z[k] - mean);
      }
      first += mean - z[labels[i]];
      second += variance;
    }
    return new double[] {first / labels.length, second / labels.length};
  }

  /** {@code softmax(logits / T)}. */
  public double[] probabilities(double[] logits) {
    return softmax(logits, 1 / value);
  }

  private static double[] softmax(double[] z, double beta) {
    double max = Double.NEGATIVE_INFINITY;
    for (double v : z) {
      max = Math.max(max, v);
    }
    double[] p = new double[z.length];
    double sum = 0;
    for (int k = 0; k < z.length; k++) {
      p[k] = Math.exp(beta * (z[k] - max));
      sum += p[k];
    }
    for (int k = 0; k < z.length; k++) {
      p[k] /= sum;
    }
    return p;
  }
}
