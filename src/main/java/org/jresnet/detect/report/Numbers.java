package org.jresnet.detect.report;

import java.util.Locale;
import java.util.Optional;

/** Figures as text. */
final class Numbers {
  private Numbers() {}

  static String percent(double share) {
    return String.format(Locale.ROOT, "%.2f %%", 100 * share);
  }

  static String fraction(double value) {
    return String.format(Locale.ROOT, "%.4f", value);
  }

  /** The ends of an interval as the result files write it: two numbers, or none. */
  static Optional<double[]> interval(JsonTree from, String key) {
    double[] ends = from.numbers(key);
    return ends.length == 2 ? Optional.of(ends) : Optional.empty();
  }

  static String percents(double[] ends) {
    return String.format(Locale.ROOT, "%.1f to %.1f %%", 100 * ends[0], 100 * ends[1]);
  }

  static String fractions(double[] ends) {
    return String.format(Locale.ROOT, "%.4f to %.4f", ends[0], ends[1]);
  }
}
