package org.jresnet.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class LogisticRegressionTest {
  private static final double[][] X = {
    {1.0, 20, 0}, {2.0, 18, 0}, {1.5, 30, 1}, {3.0, 25, 0}, {2.5, 16, 1},
    {4.0, 22, 1}, {3.5, 28, 1}, {5.0, 15, 0}, {4.5, 19, 1}, {0.5, 27, 0}
  };
  private static final boolean[] Y = {
    false, false, false, true, false, true, true, true, false, false
  };

  private static final double[] SKLEARN = {
    1.6505175269854846, 0.8368301165974107, -0.5459361244049659
  };
  private static final double SKLEARN_INTERCEPT = -0.6035101907074528;
  private static final double SKLEARN_SCORE = 0.7338627494030204;

  /** scikit-learn's values; tools/sklearn_logistic.py prints them. */
  @Test
  void equalsScikitLearn() {
    LogisticRegression model = LogisticRegression.fit(X, Y, 0.5);
    assertThat(model.weights()).containsExactly(SKLEARN, within(1e-6));
    assertThat(model.intercept()).isCloseTo(SKLEARN_INTERCEPT, within(1e-6));
    assertThat(model.score(X[3])).isCloseTo(SKLEARN_SCORE, within(1e-6));
  }

  @Test
  void constantFeaturesAndPerfectSeparationAreNoTrouble() {
    double[][] x =
        IntStream.range(0, 40).mapToObj(i -> new double[] {i, 7}).toArray(double[][]::new);
    boolean[] y = new boolean[40];
    for (int i = 20; i < 40; i++) {
      y[i] = true;
    }
    LogisticRegression model = LogisticRegression.fit(x, y, 1);
    assertThat(model.weights()[1]).isZero();
    assertThat(model.score(x[0])).isNegative();
    assertThat(model.score(x[39])).isPositive();
    assertThat(model.score(new double[] {1e6, -3})).isFinite();
  }

  @Test
  void sameExamplesGiveTheSameModel() {
    SplittableRandom random = new SplittableRandom(3);
    double[][] x = new double[200][6];
    boolean[] y = new boolean[200];
    for (int i = 0; i < 200; i++) {
      y[i] = random.nextBoolean();
      for (int f = 0; f < 6; f++) {
        x[i][f] = random.nextGaussian() + (y[i] && f == 2 ? 1 : 0);
      }
    }
    double[] first = LogisticRegression.fit(x, y, 1).weights();
    assertThat(LogisticRegression.fit(x, y, 1).weights()).isEqualTo(first);
    for (int f = 0; f < 6; f++) {
      assertThat(Math.abs(first[f])).as("feature %d", f).isLessThanOrEqualTo(first[2]);
    }
  }

  @Test
  void badInputIsRefused() {
    assertThatThrownBy(() -> LogisticRegression.fit(X, new boolean[2], 1))
        .hasMessageContaining("10 rows, 2 labels");
    assertThatThrownBy(() -> LogisticRegression.fit(X, Y, 0))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
