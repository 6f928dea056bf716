package org.jresnet.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** What intervals and sets promise, by simulation of data whose truth is known. */
final class ResamplingTest {
  private static final int TRIALS = 200;

  /** Of 200 trials at 95 %, a percentile bootstrap of so few examples holds somewhat fewer. */
  private static final int LEAST = 180;

  private static double mean(int[] counts, double[] values) {
    double sum = 0;
    double all = 0;
    for (int i = 0; i < counts.length; i++) {
      sum += counts[i] * values[i];
      all += counts[i];
    }
    return sum / all;
  }

  @Test
  void drawsKeepTheClasses() {
    int[] labels = {0, 0, 0, 1, 1, 2};
    Resampling resampling = Resampling.of(labels, List.of());
    int[] counts = new int[labels.length];
    int different = 0;
    for (int r = 0; r < 50; r++) {
      resampling.draw(new SplittableRandom(r), counts);
      assertThat(counts[0] + counts[1] + counts[2]).isEqualTo(3);
      assertThat(counts[3] + counts[4]).isEqualTo(2);
      assertThat(counts[5]).isOne();
      different += counts[3] == 1 ? 0 : 1;
    }
    assertThat(different).isBetween(10, 40);
  }

  @Test
  void groupsAreDrawnWhole() {
    int[] labels = {0, 1, 0, 1, 0, 0, 1};
    List<String> groups = List.of("a", "a", "b", "b", "c", "c", "d");
    Resampling resampling = Resampling.of(labels, groups);
    assertThat(resampling.units(0)).isEqualTo(3);
    assertThat(resampling.units(1)).isEqualTo(3);
    int[] counts = new int[labels.length];
    for (int r = 0; r < 50; r++) {
      resampling.draw(new SplittableRandom(r), counts);
      assertThat(counts[0]).isEqualTo(counts[1]);
      assertThat(counts[2]).isEqualTo(counts[3]).isEqualTo(2 - counts[0]);
      assertThat(counts[4]).isOne();
      assertThat(counts[5]).isOne();
      assertThat(counts[6]).isOne();
    }
    assertThatThrownBy(() -> Resampling.of(labels, List.of("a")))
        .hasMessageContaining("one group per example");
  }

  /**
   * Thirty people with eight images each, whose values differ between people and hardly between
   * images of one: with people drawn the interval holds the true mean as often as it says, with
   * images drawn it claims far too much.
   */
  @Test
  void groupedIntervalsHoldTheTruthAndUngroupedOnesDoNot() {
    Random random = new Random(5);
    int people = 30;
    int images = 8;
    int grouped = 0;
    int ungrouped = 0;
    for (int t = 0; t < TRIALS; t++) {
      double[] values = new double[people * images];
      List<String> groups = new ArrayList<>();
      for (int i = 0; i < values.length; i++) {
        if (i % images == 0) {
          double person = random.nextGaussian();
          Arrays.fill(values, i, i + images, person);
        }
        values[i] += 0.3 * random.nextGaussian();
        groups.add("person " + i / images);
      }
      int[] labels = new int[values.length];
      grouped += holds(Resampling.of(labels, groups), values, t) ? 1 : 0;
      ungrouped += holds(Resampling.of(labels, List.of()), values, t) ? 1 : 0;
    }
    assertThat(grouped).isBetween(LEAST, 199);
    assertThat(ungrouped).isLessThan(140);
  }

  private static boolean holds(Resampling resampling, double[] values, long seed) {
    Interval i = resampling.intervals(seed, c -> new double[] {mean(c, values)}).get(0);
    return i.low() <= 0 && i.high() >= 0;
  }

  /** Normal scores two apart: at the threshold 1 both errors are Φ(−1) = 0.158655. */
  @Test
  void intervalsOfErrorRateAndHitRateHoldTheTruth() {
    Random random = new Random(6);
    int eer = 0;
    int hits = 0;
    // Φ(2 − 2.326348): what is above the 99 % quantile of the negatives.
    double hitRate = 0.372;
    for (int t = 0; t < TRIALS; t++) {
      boolean[] positive = new boolean[400];
      double[] scores = new double[400];
      for (int i = 0; i < 400; i++) {
        positive[i] = i % 2 == 0;
        scores[i] = random.nextGaussian() + (positive[i] ? 2 : 0);
      }
      BinaryIntervals intervals = BinaryIntervals.of(positive, scores, t).orElseThrow();
      eer += intervals.eer().low() <= 0.158655 && intervals.eer().high() >= 0.158655 ? 1 : 0;
      Interval rate = intervals.hitRates().get(0).orElseThrow();
      hits += rate.low() <= hitRate && rate.high() >= hitRate ? 1 : 0;
      assertThat(intervals.hitRates().get(1)).as("0.1 %% of 200 negatives").isEmpty();
    }
    assertThat(eer).isBetween(LEAST, 200);
    // Decided by the two or three highest of 200 negatives, where percentiles are coarse.
    assertThat(hits).isBetween(165, 200);
  }

  /** Whatever the distribution, one more negative is above the threshold with at most 1 %. */
  @Test
  void thresholdsKeepTheirPromiseOnNewNegatives() {
    Random random = new Random(7);
    double[] alarms = new double[2];
    int trials = 4000;
    int negatives = 150;
    for (int t = 0; t < trials; t++) {
      boolean[] positive = new boolean[negatives + 20];
      double[] scores = new double[positive.length];
      for (int i = 0; i < scores.length; i++) {
        positive[i] = i >= negatives;
        scores[i] = Math.exp(random.nextGaussian()) + (positive[i] ? 3 : 0);
      }
      double threshold = OperatingPointTest.threshold(positive, scores, "fpr=0.01");
      alarms[0] += Math.exp(random.nextGaussian()) >= threshold ? 1 : 0;
      alarms[1] += Math.exp(random.nextGaussian()) >= threshold ? 1 : 0;
    }
    assertThat((alarms[0] + alarms[1]) / (2 * trials)).isBetween(0.002, 0.0125);
  }

  /** 1 − error of new examples, whatever the probabilities are worth. */
  @Test
  void conformalSetsHoldTheTruthAsOftenAsTheySay() {
    Random random = new Random(8);
    for (double error : new double[] {0.05, 0.2}) {
      int held = 0;
      int trials = 4000;
      for (int t = 0; t < trials; t++) {
        double[][] p = new double[60][];
        int[] labels = new int[60];
        for (int i = 0; i < 60; i++) {
          labels[i] = random.nextInt(3);
          p[i] = overconfident(labels[i], random);
        }
        int label = random.nextInt(3);
        held +=
            Conformal.of(labels, p).set(overconfident(label, random), error).contains(label)
                ? 1
                : 0;
      }
      double share = (double) held / trials;
      // At least 1 − error, at most 1/(n + 1) more; three standard errors of 4000 trials.
      assertThat(share).isBetween(1 - error - 0.02, 1 - error + 1 / 61.0 + 0.02);
    }
  }

  private static double[] overconfident(int label, Random random) {
    double[] z = new double[3];
    for (int k = 0; k < 3; k++) {
      z[k] = 6 * (random.nextGaussian() + (k == label ? 1 : 0));
    }
    return new Temperature(1, Temperature.Fit.FITTED).probabilities(z);
  }

  @Test
  void manyConformalScoresAreThinnedOnTheSafeSide() {
    int n = 5400;
    double[][] p = new double[n][];
    for (int i = 0; i < n; i++) {
      p[i] = new double[] {1 - (i + 0.5) / n, (i + 0.5) / n};
    }
    Conformal conformal = Conformal.of(new int[n], p);
    assertThat(conformal.scores()).hasSize(1000);
    for (double error : new double[] {0.001, 0.01, 0.05, 0.5}) {
      double exact = (Math.ceil((n + 1) * (1 - error)) - 0.5) / n;
      assertThat(conformal.quantile(error)).isBetween(exact - 1e-12, exact + 6.0 / n);
    }
    assertThat(conformal.quantile(1e-5)).isInfinite();
    assertThatThrownBy(() -> conformal.quantile(0)).hasMessageContaining("between 0 and 1");
  }

  /** Of 1000 pairs of equally good scores, about 5 % have a p-value below 5 %. */
  @Test
  void deLongsPValueIsUniformWhereNothingDiffers() {
    Random random = new Random(9);
    int below = 0;
    for (int t = 0; t < 1000; t++) {
      boolean[] positive = new boolean[80];
      double[] a = new double[80];
      double[] b = new double[80];
      for (int i = 0; i < 80; i++) {
        positive[i] = i < 40;
        double common = random.nextGaussian() + (positive[i] ? 1 : 0);
        a[i] = common + random.nextGaussian();
        b[i] = common + random.nextGaussian();
      }
      below += DeLong.compare(positive, a, b).pValue().getAsDouble() < 0.05 ? 1 : 0;
    }
    assertThat(below).isBetween(30, 75);
    assertThat(Normal.twoSided(1.959963984540054)).isCloseTo(0.05, within(1e-14));
  }
}
