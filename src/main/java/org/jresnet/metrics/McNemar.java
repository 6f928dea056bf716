package org.jresnet.metrics;

/**
 * Whether two classifiers are right equally often on the same examples (McNemar 1947, <a
 * href="https://doi.org/10.1007/BF02295996">Note on the sampling error of the difference between
 * correlated proportions or percentages</a>), exactly: if they are, each example on which only one
 * is right is the one's or the other's with chance ½.
 *
 * @param onlyFirst examples on which only the first is right
 * @param onlySecond examples on which only the second is right
 */
public record McNemar(long onlyFirst, long onlySecond) {
  /** Checks the counts. */
  public McNemar {
    if (onlyFirst < 0 || onlySecond < 0) {
      throw new IllegalArgumentException("counts are at least 0");
    }
  }

  /**
   * Counts where the two differ.
   *
   * @throws IllegalArgumentException when the lengths differ
   */
  public static McNemar of(boolean[] firstIsRight, boolean[] secondIsRight) {
    if (firstIsRight.length != secondIsRight.length) {
      throw new IllegalArgumentException(
          "both need the same examples, found "
              + firstIsRight.length
              + " and "
              + secondIsRight.length);
    }
    long first = 0;
    long second = 0;
    for (int i = 0; i < firstIsRight.length; i++) {
      first += firstIsRight[i] && !secondIsRight[i] ? 1 : 0;
      second += secondIsRight[i] && !firstIsRight[i] ? 1 : 0;
    }
    return new McNemar(first, second);
  }

  /**
   * Chance of counts that differ as much or more: twice the binomial tail {@code Σ_{k≤min}
   * C(n,k)/2ⁿ}, at most 1.
   */
  public double pValue() {
    long n = onlyFirst + onlySecond;
    long smaller = Math.min(onlyFirst, onlySecond);
    double term = -n * Math.log(2);
    double tail = Math.exp(term);
    for (long k = 1; k <= smaller; k++) {
      term += Math.log((double) (n - k + 1) / k);
      tail += Math.exp(term);
    }
    return Math.min(1, 2 * tail);
  }
}
