package org.jresnet.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class BinaryScoresTest {
  /** Sums of a few quotients in double precision. */
  private static final double EXACT = 1e-15;

  /** Hit rates at 1 and 0.1 % of a handful of negatives. */
  private static final List<OptionalDouble> TOO_FEW =
      List.of(OptionalDouble.empty(), OptionalDouble.empty());

  /**
   * The example of scikit-learn's documentation of roc_auc_score and average_precision_score, where
   * both results are printed: 0.75 and 0.83.
   *
   * <p>By hand: scores fall 0.8+ 0.4− 0.35+ 0.1−. Of four pairs one (0.35 against 0.4) is in the
   * wrong order: 3/4. Precision at the two positives 1/1 and 2/3, mean 5/6. The curve passes (1/2,
   * 1/2), where false positives and false negatives are both one half.
   */
  @Test
  void documentedExample() {
    BinaryScores s = of(new int[] {0, 0, 1, 1}, 0.1, 0.4, 0.35, 0.8);
    assertThat(s.auc()).isCloseTo(3.0 / 4, within(EXACT));
    assertThat(s.averagePrecision()).isCloseTo(5.0 / 6, within(EXACT));
    assertThat(s.eer()).isCloseTo(1.0 / 2, within(EXACT));
  }

  /**
   * By hand: scores fall 0.9+, then 0.5 for two positives and one negative, then 0.2−, 0.1−. Pairs:
   * 9 in all, 0.9 beats 3, each 0.5+ beats two and ties with one: (3 + 2.5 + 2.5)/9 = 8/9. Points
   * of recall and precision (1/3, 1), (1, 3/4): AP = 1/3 + 2/3·3/4 = 5/6. Between (0, 1/3) and
   * (1/3, 1) of the curve, false positives t/3 equal false negatives 2/3 − 2t/3 at t = 2/3: EER
   * 2/9.
   */
  @Test
  void tiesMoveTogether() {
    int[] labels = {1, 0, 1, 0, 1, 0};
    double[] scores = {0.5, 0.5, 0.9, 0.2, 0.5, 0.1};
    BinaryScores s = of(labels, scores);
    assertThat(s.auc()).isCloseTo(8.0 / 9, within(EXACT));
    assertThat(s.averagePrecision()).isCloseTo(5.0 / 6, within(EXACT));
    assertThat(s.eer()).isCloseTo(2.0 / 9, within(EXACT));
    Roc roc = Roc.of(positive(labels), scores).orElseThrow();
    assertThat(roc.thresholds()).containsExactly(Double.POSITIVE_INFINITY, 0.9, 0.5, 0.2, 0.1);
    assertThat(roc.truePositives()).containsExactly(0, 1, 3, 3, 3);
    assertThat(roc.falsePositives()).containsExactly(0, 0, 1, 2, 3);
  }

  @Test
  void extremes() {
    assertThat(of(new int[] {0, 0, 1}, 1, 2, 3)).isEqualTo(new BinaryScores(1, 0, 1, TOO_FEW));
    // Everything wrong: precision of the only positive is 1/3.
    BinaryScores wrong = of(new int[] {1, 0, 0}, 1, 2, 3);
    assertThat(wrong.auc()).isZero();
    assertThat(wrong.eer()).isCloseTo(1, within(EXACT));
    assertThat(wrong.averagePrecision()).isCloseTo(1.0 / 3, within(EXACT));
    // A constant score knows nothing; its AP is the share of positives. Zero has two signs.
    assertThat(of(new int[] {1, 0, 0, 0}, 0.0, -0.0, 0.0, -0.0))
        .isEqualTo(new BinaryScores(0.5, 0.5, 0.25, TOO_FEW));
    assertThat(of(new int[] {0, 1}, Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY).auc())
        .isEqualTo(1);
  }

  /** The area under the curve against the definition of Mann and Whitney, pair by pair. */
  @Test
  void aucIsTheShareOfPairsInOrder() {
    SplittableRandom random = new SplittableRandom(7);
    int n = 300;
    int[] labels = new int[n];
    double[] scores = new double[n];
    for (int i = 0; i < n; i++) {
      labels[i] = random.nextInt(3) == 0 ? 1 : 0;
      scores[i] = random.nextInt(20) + 4 * labels[i];
    }
    double won = 0;
    long pairs = 0;
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        if (labels[i] == 1 && labels[j] == 0) {
          won += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
          pairs++;
        }
      }
    }
    assertThat(of(labels, scores).auc()).isBetween(0.6, 0.8).isCloseTo(won / pairs, within(1e-12));
  }

  @Test
  void oneClassAloneHasNoScores() {
    assertThat(BinaryScores.of(new boolean[] {true, true}, new double[] {0.1, 0.2})).isEmpty();
    assertThat(BinaryScores.of(new boolean[] {false}, new double[] {0.1})).isEmpty();
    assertThat(BinaryScores.of(new boolean[0], new double[0])).isEmpty();
  }

  @Test
  void wrongArraysAreNamed() {
    assertThatThrownBy(() -> of(new int[] {0, 1}, 0.5, Double.NaN)).hasMessage("score 1 is NaN");
    assertThatThrownBy(() -> of(new int[] {0, 1}, 0.5))
        .hasMessage("one score per example is needed, found 1 for 2 examples");
  }

  private static BinaryScores of(int[] labels, double... scores) {
    return BinaryScores.of(positive(labels), scores).orElseThrow();
  }

  private static boolean[] positive(int[] labels) {
    boolean[] positive = new boolean[labels.length];
    for (int i = 0; i < labels.length; i++) {
      positive[i] = labels[i] == 1;
    }
    return positive;
  }
}
