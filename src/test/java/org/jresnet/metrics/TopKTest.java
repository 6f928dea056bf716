package org.jresnet.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

final class TopKTest {
  /** Ranks of the labels, from 0: 1 (behind class 2), 2, 0. */
  private static final int[] LABELS = {1, 0, 3};

  private static final double[][] SCORES = {{0, 2, 3, 1}, {-1, 5, 0, -2}, {1, 2, 3, 4}};

  @Test
  void sharesAmongTheBest() {
    assertThat(TopK.accuracy(LABELS, SCORES, 1)).isEqualTo(1.0 / 3);
    assertThat(TopK.accuracy(LABELS, SCORES, 2)).isEqualTo(2.0 / 3);
    assertThat(TopK.accuracy(LABELS, SCORES, 3)).isEqualTo(1);
    assertThat(TopK.accuracy(LABELS, SCORES, 100)).isEqualTo(1);
  }

  @Test
  void amongEqualScoresTheLowerClassComesFirst() {
    double[][] equal = {{1, 1, 1}};
    assertThat(TopK.accuracy(new int[] {0}, equal, 1)).isEqualTo(1);
    assertThat(TopK.accuracy(new int[] {1}, equal, 1)).isZero();
    assertThat(TopK.accuracy(new int[] {1}, equal, 2)).isEqualTo(1);
  }

  @Test
  void edges() {
    assertThat(TopK.accuracy(new int[0], new double[0][], 1)).isNaN();
    assertThatThrownBy(() -> TopK.accuracy(LABELS, SCORES, 0))
        .hasMessage("k is at least 1, found 0");
    assertThatThrownBy(() -> TopK.accuracy(new int[1], new double[][] {{1, Double.NaN}}, 1))
        .hasMessage("score of example 0 is NaN, class 1");
  }
}
