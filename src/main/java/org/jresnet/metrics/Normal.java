package org.jresnet.metrics;

/** The normal distribution. */
final class Normal {
  private static final double SERIES_END = 2;
  private static final int TERMS = 200;

  private Normal() {}

  /** Chance that a standard normal value lies at least as far from 0 as {@code z}. */
  static double twoSided(double z) {
    return erfc(Math.abs(z) / Math.sqrt(2));
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
