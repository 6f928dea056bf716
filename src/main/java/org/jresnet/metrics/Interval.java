package org.jresnet.metrics;

import java.util.Locale;

/**
 * Values of a quantity that agree with what was measured, at 95 %: of many such intervals, about 95
 * in 100 hold the true value.
 *
 * @param low smallest value, at most {@code high}
 * @param high largest value
 */
public record Interval(double low, double high) {
  /** The 0.975 quantile of the normal distribution. */
  static final double Z = 1.959963984540054;

  /** Narrower intervals are printed with another digit, in percent. */
  private static final double FINE = 2;

  /** Checks the order, which NaN has not. */
  public Interval {
    if (!(low <= high)) {
      throw new IllegalArgumentException("no interval: " + low + " to " + high);
    }
  }

  /** Shares in percent, such as {@code 93.4 to 100 %}. */
  public String percent() {
    String format = 100 * (high - low) < FINE ? "%.2f" : "%.1f";
    return end(format, 100 * low, 100) + " to " + end(format, 100 * high, 100) + " %";
  }

  /** Shares as fractions of one, such as {@code 0.9655 to 1}. */
  public String fraction() {
    return end("%.4f", low, 1) + " to " + end("%.4f", high, 1);
  }

  private static String end(String format, double value, int whole) {
    return value == 0 || value == whole
        ? String.valueOf((int) value)
        : String.format(Locale.ROOT, format, value);
  }
}
