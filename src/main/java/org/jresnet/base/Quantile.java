package org.jresnet.base;

import java.util.Arrays;

/** Quantiles of measured values. */
public final class Quantile {
  private Quantile() {}

  /**
   * The value below which a share of the values lie: one of them, never between two.
   *
   * @param values in any order, which they keep
   * @param share from 0, the smallest value, to 1, the largest; 0.5 is the median
   * @return NaN where there are no values
   */
  public static double of(double[] values, double share) {
    if (values.length == 0) {
      return Double.NaN;
    }
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[Math.min(sorted.length - 1, (int) (share * sorted.length))];
  }
}
