package org.jresnet.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class SeparationTest {
  private static int[] labels(int first, int second) {
    return IntStream.range(0, first + second).map(i -> i < first ? 0 : 1).toArray();
  }

  @Test
  void aPropertyOfTheClassSeparates() {
    int[] labels = labels(200, 160);
    Separation perfect = Separation.ofCategories(labels, labels, 2);
    assertThat(perfect.balancedAccuracy()).isEqualTo(1);
    assertThat(perfect.recalls())
        .containsExactly(new Proportion(200, 200), new Proportion(160, 160));
    assertThat(perfect.separates()).isTrue();
    double[] sides = IntStream.of(labels).mapToDouble(l -> l == 0 ? 120 : 256).toArray();
    assertThat(Separation.ofNumbers(labels, sides, 2).balancedAccuracy()).isEqualTo(1);
  }

  /** What every image has, and what no two have, say nothing about the class. */
  @Test
  void constantsAndNamesDoNot() {
    int[] labels = labels(200, 160);
    Separation constant = Separation.ofCategories(labels, new int[360], 2);
    assertThat(constant.balancedAccuracy()).isEqualTo(0.5);
    assertThat(constant.separates()).isFalse();
    int[] names = IntStream.range(0, 360).toArray();
    assertThat(Separation.ofCategories(labels, names, 2).balancedAccuracy()).isZero();
    assertThat(Separation.ofNumbers(labels, new double[360], 2).balancedAccuracy()).isEqualTo(0.5);
  }

  @Test
  void chanceDoesNotSeparateSmallSets() {
    SplittableRandom random = new SplittableRandom(5);
    int alarms = 0;
    for (int trial = 0; trial < 2000; trial++) {
      int[] labels = labels(6 + random.nextInt(20), 6 + random.nextInt(20));
      double[] noise = random.doubles(labels.length).toArray();
      int[] dice = random.ints(labels.length, 0, 4).toArray();
      alarms += Separation.ofNumbers(labels, noise, 2).separates() ? 1 : 0;
      alarms += Separation.ofCategories(labels, dice, 2).separates() ? 1 : 0;
    }
    assertThat(alarms).isZero();
    // Even a perfect rule of eleven images a class is no proof, of twelve it is.
    assertThat(Separation.ofCategories(labels(11, 11), labels(11, 11), 2).separates()).isFalse();
    assertThat(Separation.ofCategories(labels(12, 12), labels(12, 12), 2).separates()).isTrue();
  }

  /** By hand: value 1 has 90 of 100 of class 1 and 20 of 100 of class 0. */
  @Test
  void sharesAreCounted() {
    int[] labels = labels(100, 100);
    int[] values =
        IntStream.range(0, 200).map(i -> i < 100 ? (i < 20 ? 1 : 0) : i < 190 ? 1 : 0).toArray();
    Separation s = Separation.ofCategories(labels, values, 2);
    assertThat(s.recalls()).containsExactly(new Proportion(80, 100), new Proportion(90, 100));
    assertThat(s.balancedAccuracy()).isCloseTo(0.85, within(1e-12));
  }

  @Test
  void aRangeInTheMiddleIsFound() {
    int[] labels = labels(300, 300);
    double[] values =
        IntStream.range(0, 600)
            .mapToDouble(i -> i < 300 ? 40 + i % 20 : i % 2 == 0 ? i % 37 : 70 + i % 29)
            .toArray();
    assertThat(Separation.ofNumbers(labels, values, 2).balancedAccuracy()).isGreaterThan(0.9);
  }
}
