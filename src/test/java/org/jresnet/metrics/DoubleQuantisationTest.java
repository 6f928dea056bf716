package org.jresnet.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Numbers of a known history. */
final class DoubleQuantisationTest {
  private static final int[] LAST = {3, 4, 5};
  private static final int[][] FIRST = {{2, 2, 2}, {7, 9, 11}, {8, 10, 12}, {3, 4, 5}};

  /**
   * Histograms of numbers with long tails that were rounded once, or twice.
   *
   * @param first steps of the first rounding; null for none
   */
  private static long[][] histograms(int[] first, boolean last, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    long[][] counts = new long[LAST.length][DoubleQuantisation.VALUES];
    for (int f = 0; f < LAST.length; f++) {
      for (int i = 0; i < 4000; i++) {
        double x = -12 * Math.log(1 - random.nextDouble()) * (random.nextBoolean() ? 2 : 0.7);
        x = first == null ? x : Math.rint(x / first[f]) * first[f];
        // Between the roundings, pixels are rounded to bytes.
        x += last ? 0.4 * random.nextGaussian() : 0;
        int value = (int) Math.rint(Math.abs(x) / LAST[f]);
        if (value >= 1 && value <= DoubleQuantisation.VALUES) {
          counts[f][value - 1]++;
        }
      }
    }
    return counts;
  }

  private static DoubleQuantisation.Result of(long[][] histograms) {
    return new DoubleQuantisation().of(histograms, histograms(null, false, 99), LAST, FIRST);
  }

  @Test
  void coarserFirstRoundingIsFound() {
    for (int seed = 0; seed < 10; seed++) {
      for (int candidate = 1; candidate <= 2; candidate++) {
        DoubleQuantisation.Result found = of(histograms(FIRST[candidate], true, seed));
        assertThat(found.candidate()).isEqualTo(candidate);
        assertThat(found.evidence()).isGreaterThan(500);
      }
    }
  }

  /** One rounding, and two with the same steps, are one. */
  @Test
  void oneRoundingIsNotTakenForTwo() {
    for (int seed = 0; seed < 10; seed++) {
      assertThat(of(histograms(null, true, seed)).evidence()).isLessThan(20);
      assertThat(of(histograms(LAST, true, seed)).evidence()).isLessThan(20);
    }
  }

  @Test
  void nothingSaysNothing() {
    long[][] none = new long[LAST.length][DoubleQuantisation.VALUES];
    assertThat(new DoubleQuantisation().of(none, none, LAST, FIRST))
        .isEqualTo(new DoubleQuantisation.Result(-1, 0));
  }
}
