package org.jresnet.metrics;

/** The normal distribution. */
public final class Normal {
  private static final double SERIES_END = 2;
  private static final int TERMS = 200;

  private Normal() {}

  /** Chance that a standard normal value lies at least as far from 0 as {@code z}. */
  static double twoSided(double z) {
    return erfc(Math.abs(z) / Math.sqrt(2));
  }

  /**
   * The value that a standard normal variable stays below with probability {@code p}.
   *
   * @param p between 0 and 1, both excluded
   */
  public static double quantile(double p) {
    if (!(p > 0 && p < 1)) {
      throw new IllegalArgumentException("a probability between 0 and 1 is needed, found " + p);
    }
    double tail = 2 * Math.min(p, 1 - p);
    double low = 0;
    double high = 40;
    for (double middle = 20; low < middle && middle < high; middle = (low + high) / 2) {
      if (twoSided(middle) > tail) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return p < 0.5 ? -low : low;
  }

  /**
   * {@code 2/√π·∫_x^∞ exp(−t²) dt} for {@code x ≥ 0}: by the series of erf below 2, by the
   * continued fraction above (<a href="https://dlmf.nist.gov/7.6.E1">DLMF 7.6.1</a> and <a
   * href="https://dlmf.nist.gov/7.9.E1">7.9.1</a>).
   */
  private static double erfc(double x) {
    if (x < SERIES_END) {
      double power = x;
      double sum = x;
      for (int n = 1; n < TERMS; n++) {
        power *= -x * x / n;
        sum += power / (2 * n + 1);
      }
      return 1 - 2 / Math.sqrt(Math.PI) * sum;
    }
    double fraction = x;
    for (int n = TERMS; n > 0; n--) {
      fraction = x + n / 2.0 / fraction;
    }
    return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
  }
}
