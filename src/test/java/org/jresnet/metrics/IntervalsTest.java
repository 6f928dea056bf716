package org.jresnet.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class IntervalsTest {
  private static final double EXACT = 1e-12;

  /** Of {@code scipy.stats.binomtest(k, n).proportion_ci(method='wilson')}, SciPy 1.17.1. */
  @ParameterizedTest
  @CsvSource({
    "54, 54, 0.9335864119091035, 1.0",
    "0, 7, 0.0, 0.35433043506668743",
    "1, 1, 0.20654931437723745, 1.0",
    "8, 10, 0.4901624715366418, 0.9433178485456248",
    "81, 263, 0.2552885198782742, 0.36620957698280004",
    "15, 148, 0.06238639953073629, 0.16048724172330803",
    "9990, 10000, 0.9981600556125619, 0.9994567140135028"
  })
  void proportionsHaveWilsonsInterval(long hits, long total, double low, double high) {
    Interval interval = new Proportion(hits, total).interval().orElseThrow();
    assertThat(interval.low()).isCloseTo(low, within(EXACT));
    assertThat(interval.high()).isCloseTo(high, within(EXACT));
  }

  @Test
  void aShareIsPrintedWithCountsAndInterval() {
    assertThat(new Proportion(54, 54))
        .hasToString("100.00 % (54 of 54; 95 % interval 93.4 to 100 %)");
    assertThat(new Proportion(0, 7)).hasToString("0.00 % (0 of 7; 95 % interval 0 to 35.4 %)");
    assertThat(new Proportion(9990, 10000))
        .hasToString("99.90 % (9990 of 10000; 95 % interval 99.82 to 99.95 %)");
    assertThat(new Proportion(0, 0)).hasToString("- (0 of 0)");
    assertThat(new Proportion(0, 0).interval()).isEmpty();
    assertThatThrownBy(() -> new Proportion(3, 2)).hasMessageContaining("3 of 2");
  }

  /**
   * The roots of the quartic that Newcombe's method 5 leads to, by {@code
   * numpy.polynomial.polyroots}.
   */
  @ParameterizedTest
  @CsvSource({
    "1, 24, 24, 0.9158314862290275, 1",
    "1, 2, 2, 0.38563570449716617, 1",
    "0.9, 50, 60, 0.8204370586498486, 0.9448023963736653",
    "0.5, 10, 10, 0.27351558818989374, 0.7264844118101065",
    "0.8133333333333334, 30, 25, 0.6697020809483158, 0.8993743735173738",
    "0, 5, 9, 0, 0.2925416113963514"
  })
  void areasHaveNewcombesInterval(double auc, long m, long n, double low, double high) {
    Interval interval = BinaryIntervals.auc(auc, m, n);
    assertThat(interval.low()).isCloseTo(low, within(EXACT));
    assertThat(interval.high()).isCloseTo(high, within(EXACT));
  }

  /** What the interval promises: normal scores two apart have the area Φ(√2) = 0.9213. */
  @Test
  void areasIntervalHoldsTheTrueAreaAsOftenAsItSays() {
    SplittableRandom random = new SplittableRandom(3);
    java.util.Random normal = new java.util.Random(random.nextLong());
    int held = 0;
    int trials = 1000;
    for (int t = 0; t < trials; t++) {
      boolean[] positive = new boolean[50];
      double[] scores = new double[50];
      for (int i = 0; i < 50; i++) {
        positive[i] = i < 20;
        scores[i] = normal.nextGaussian() + (positive[i] ? 2 : 0);
      }
      Interval interval =
          BinaryIntervals.auc(BinaryScores.of(positive, scores).orElseThrow().auc(), 20, 30);
      held += interval.low() <= 0.92135 && interval.high() >= 0.92135 ? 1 : 0;
    }
    assertThat(held).isBetween(935, 985);
  }

  /** Against 20,000 draws of numpy; 2,000 draws put a percentile within about 0.01 of it. */
  @Test
  void ratesHaveTheBootstrapsInterval() {
    boolean[] positive = new boolean[100];
    double[] scores = new double[100];
    for (int i = 0; i < 100; i++) {
      positive[i] = i < 40;
      scores[i] = i < 40 ? i * 37 % 101 / 101.0 + 0.35 : (i - 40) * 53 % 103 / 103.0;
    }
    BinaryIntervals intervals = BinaryIntervals.of(positive, scores, 1).orElseThrow();
    assertThat(intervals.eer().low()).isCloseTo(0.225, within(0.015));
    assertThat(intervals.eer().high()).isCloseTo(0.4, within(0.015));
    Interval precision = intervals.averagePrecision().orElseThrow();
    assertThat(precision.low()).isCloseTo(0.67690613, within(0.015));
    assertThat(precision.high()).isCloseTo(0.86353773, within(0.015));
    assertThat(BinaryIntervals.of(positive, scores, 1)).contains(intervals);
    assertThat(BinaryIntervals.of(positive, scores, 2)).isNotEqualTo(intervals);
  }

  /** Ten examples that are all in order prove little; a plain bootstrap would say 0 to 0 %. */
  @Test
  void aPerfectScoreOfFewExamplesIsNoCertainty() {
    boolean[] positive = {true, true, true, true, false, false, false, false, false, false};
    double[] scores = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
    BinaryIntervals intervals = BinaryIntervals.of(positive, scores, 1).orElseThrow();
    assertThat(intervals.auc().low()).isBetween(0.5, 0.75);
    assertThat(intervals.eer().percent()).isEqualTo("0 to 49.0 %");
    assertThat(intervals.averagePrecision()).isEmpty();
    assertThat(BinaryIntervals.of(new boolean[] {true}, new double[] {1}, 1)).isEmpty();
  }
}
