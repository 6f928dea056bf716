package org.jresnet.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

final class CalibrationTest {
  private static final double EXACT = 1e-15;

  /**
   * By hand. Confidences 0.9 (right), 0.88 (wrong), 0.6 (right), 0.8 (right). Times 15: 13.5, 13.2,
   * 9, 12, so the first two share bin (13/15, 14/15]; 0.6 and 0.8 are alone, at upper edges. ECE =
   * (|0.9 + 0.88 − 1| + |0.6 − 1| + |0.8 − 1|)/4 = (0.78 + 0.4 + 0.2)/4 = 0.345. Separate bins for
   * the first two would give (0.1 + 0.88 + 0.4 + 0.2)/4 = 0.395.
   *
   * <p>Brier, over both classes: 2·(0.1² + 0.88² + 0.4² + 0.2²)/4 = 0.4922. NLL = −(ln 0.9 + ln
   * 0.12 + ln 0.6 + ln 0.8)/4.
   */
  @Test
  void handComputed() {
    Calibration c =
        of(
            new int[] {0, 0, 1, 1},
            new double[] {0.9, 0.1},
            new double[] {0.12, 0.88},
            new double[] {0.4, 0.6},
            new double[] {0.2, 0.8});
    assertThat(c.expectedError()).isCloseTo(0.345, within(EXACT));
    assertThat(c.brier()).isCloseTo(0.4922, within(EXACT));
    assertThat(c.nll())
        .isCloseTo(
            -(Math.log(0.9) + Math.log(0.12) + Math.log(0.6) + Math.log(0.8)) / 4, within(EXACT));
  }

  @Test
  void perfectAndCertain() {
    assertThat(of(new int[] {2, 0}, new double[] {0, 0, 1}, new double[] {1, 0, 0}))
        .isEqualTo(new Calibration(0, 0, 0));
  }

  @Test
  void certainAndWrongIsInfinitelyUnlikely() {
    assertThat(of(new int[] {1}, new double[] {1, 0}))
        .isEqualTo(new Calibration(1, 2, Double.POSITIVE_INFINITY));
  }

  /** Uniform over k classes: the confidence is 1/k, the first class is called, NLL is ln k. */
  @Test
  void uniform() {
    Calibration c =
        of(new int[] {0, 1}, new double[] {.25, .25, .25, .25}, new double[] {.25, .25, .25, .25});
    assertThat(c.expectedError()).isCloseTo(0.25, within(EXACT));
    assertThat(c.brier()).isCloseTo(0.75, within(EXACT));
    assertThat(c.nll()).isCloseTo(Math.log(4), within(EXACT));
  }

  @Test
  void nothingWithoutExamples() {
    assertThat(Calibration.of(new int[0], new double[0][])).isEmpty();
  }

  @Test
  void wrongArraysAreNamed() {
    assertThatThrownBy(() -> of(new int[] {0}, new double[] {Double.NaN, 1}))
        .hasMessage("probabilities lie between 0 and 1, found NaN for example 0");
    assertThatThrownBy(() -> of(new int[] {0}, new double[] {1.5, -0.5}))
        .hasMessageContaining("found 1.5");
    assertThatThrownBy(() -> of(new int[] {0}, new double[] {0.5, 0.25}))
        .hasMessage("probabilities sum to 1, found 0.75 for example 0");
    assertThatThrownBy(() -> of(new int[] {2}, new double[] {0.5, 0.5}))
        .hasMessage("label 2 of example 0 is none of 2 classes");
    assertThatThrownBy(() -> of(new int[2], new double[] {0.5, 0.5}))
        .hasMessage("one row per label is needed, found 1 for 2");
    assertThatThrownBy(() -> of(new int[2], new double[] {0.5, 0.5}, new double[] {1}))
        .hasMessage("row 1 has 1 classes, row 0 has 2");
  }

  private static Calibration of(int[] labels, double[]... probabilities) {
    return Calibration.of(labels, probabilities).orElseThrow();
  }
}
