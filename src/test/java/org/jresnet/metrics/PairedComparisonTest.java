package org.jresnet.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Random;
import org.jresnet.metrics.PairedComparison.Verdicts;
import org.junit.jupiter.api.Test;

final class PairedComparisonTest {
  private static final int N = 120;

  private static int[] labels() {
    int[] labels = new int[N];
    for (int i = 0; i < N; i++) {
      labels[i] = i % 2;
    }
    return labels;
  }

  private static Verdicts verdicts(double[] scores) {
    boolean[] right = new boolean[N];
    for (int i = 0; i < N; i++) {
      right[i] = scores[i] > 0 == (i % 2 == 1);
    }
    return new Verdicts(right, scores);
  }

  /** Scores that share what makes an example hard. */
  private static double[] scores(double separation, double own, long common, long seed) {
    Random shared = new Random(common);
    Random random = new Random(seed);
    double[] scores = new double[N];
    for (int i = 0; i < N; i++) {
      double sign = i % 2 == 1 ? 0.5 : -0.5;
      scores[i] = shared.nextGaussian() + separation * sign + own * random.nextGaussian();
    }
    return scores;
  }

  @Test
  void pairingShowsWhatSeparateIntervalsHide() {
    double[] better = scores(2.2, 0.2, 1, 2);
    double[] worse = scores(1.7, 0.2, 1, 3);
    PairedComparison c =
        PairedComparison.of(labels(), verdicts(better), verdicts(worse), List.of(), 1);
    PairedComparison.Difference auc = c.auc().orElseThrow();
    assertThat(auc.value()).isPositive();
    assertThat(auc.interval().orElseThrow().low()).isPositive();
    assertThat(c.aucPValue().getAsDouble()).isLessThan(0.01);
    Interval first = BinaryIntervals.auc(auc.first(), N / 2, N / 2);
    assertThat(first.low()).as("separate intervals overlap").isLessThan(auc.second());
    assertThat(c.accuracy().value())
        .isCloseTo(
            (c.verdicts().onlyFirst() - c.verdicts().onlySecond()) / (double) N, within(1e-12));
    assertThat(PairedComparison.of(labels(), verdicts(better), verdicts(worse), List.of(), 1))
        .isEqualTo(c);
  }

  /** Of 200 pairs of equally good classifiers, about 190 intervals hold no difference. */
  @Test
  void intervalsHoldNoDifferenceWhereThereIsNone() {
    int auc = 0;
    int accuracy = 0;
    for (int t = 0; t < 200; t++) {
      PairedComparison c =
          PairedComparison.of(
              labels(),
              verdicts(scores(1.5, 0.7, t, 1000 + t)),
              verdicts(scores(1.5, 0.7, t, 2000 + t)),
              List.of(),
              t);
      auc += holdsZero(c.auc().orElseThrow().interval().orElseThrow()) ? 1 : 0;
      accuracy += c.accuracy().interval().map(PairedComparisonTest::holdsZero).orElse(true) ? 1 : 0;
    }
    assertThat(auc).isBetween(180, 199);
    assertThat(accuracy).isBetween(180, 200);
  }

  private static boolean holdsZero(Interval i) {
    return i.low() <= 0 && i.high() >= 0;
  }

  @Test
  void whatCannotVaryHasNoInterval() {
    double[] perfect = new double[N];
    for (int i = 0; i < N; i++) {
      perfect[i] = i % 2 == 1 ? 1 : -1;
    }
    PairedComparison c =
        PairedComparison.of(labels(), verdicts(perfect), verdicts(perfect), List.of(), 1);
    assertThat(c.accuracy().interval()).isEmpty();
    assertThat(c.auc().orElseThrow().interval()).isEmpty();
    assertThat(c.aucPValue()).hasValue(1);
    assertThat(c.verdicts().pValue()).isEqualTo(1);
    Verdicts many = new Verdicts(verdicts(perfect).right(), new double[0]);
    assertThat(PairedComparison.of(labels(), many, many, List.of(), 1).auc()).isEmpty();
  }
}
