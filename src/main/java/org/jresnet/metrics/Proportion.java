package org.jresnet.metrics;

import java.util.Locale;
import java.util.Optional;

/**
 * A counted share. Printed, it never lacks the number of examples behind it nor its interval.
 *
 * @param hits examples that count, 0 to {@code total}
 * @param total all examples
 */
public record Proportion(long hits, long total) {
  /** Checks the counts. */
  public Proportion {
    if (hits < 0 || hits > total) {
      throw new IllegalArgumentException(hits + " of " + total + " is no share");
    }
  }

  /** From 0 to 1; NaN without examples. */
  public double share() {
    return total == 0 ? Double.NaN : (double) hits / total;
  }

  /**
   * Wilson's score interval at 95 %; empty without examples. Brown, Cai and DasGupta (2001, <a
   * href="https://doi.org/10.1214/ss/1009213286">Interval Estimation for a Binomial Proportion</a>)
   * recommend it for small counts: unlike the textbook's ± interval it has a width at 0 and 100 %,
   * and unlike Clopper and Pearson's it is not wider than its 95 % ask for on average. Of 54 of 54
   * both say 93.4 to 100 %.
   */
  public Optional<Interval> interval() {
    if (total == 0) {
      return Optional.empty();
    }
    double p = share();
    double z2n = Interval.Z * Interval.Z / total;
    double centre = (p + z2n / 2) / (1 + z2n);
    double half = Math.sqrt(z2n * (p * (1 - p) + z2n / 4)) / (1 + z2n);
    // In exact arithmetic the ends at 0 and 1 are 0 and 1.
    return Optional.of(
        new Interval(
            hits == 0 ? 0 : Math.max(0, centre - half),
            hits == total ? 1 : Math.min(1, centre + half)));
  }

  /** Such as {@code 100.00 % (54 of 54; 95 % interval 93.4 to 100 %)}. */
  @Override
  public String toString() {
    return interval()
        .map(
            i ->
                String.format(
                    Locale.ROOT,
                    "%.2f %% (%d of %d; 95 %% interval %s)",
                    100 * share(),
                    hits,
                    total,
                    i.percent()))
        .orElse("- (0 of 0)");
  }
}
