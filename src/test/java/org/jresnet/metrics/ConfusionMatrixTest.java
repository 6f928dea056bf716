package org.jresnet.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;

final class ConfusionMatrixTest {
  private static final List<String> NAMES = List.of("camera", "generated", "other");

  /** Rows: camera 2 right 1 wrong, generated 1 right 1 wrong, other never seen. */
  private static final ConfusionMatrix MATRIX =
      ConfusionMatrix.of(NAMES, new int[] {0, 0, 0, 1, 1}, new int[] {0, 0, 1, 1, 0});

  @Test
  void countsAndShares() {
    assertThat(MATRIX.counts()).isDeepEqualTo(new long[][] {{2, 1, 0}, {1, 1, 0}, {0, 0, 0}});
    assertThat(MATRIX.accuracy()).isEqualTo(new Proportion(3, 5));
    assertThat(MATRIX.accuracy(0)).isEqualTo(new Proportion(2, 3));
    assertThat(MATRIX.accuracy(1)).isEqualTo(new Proportion(1, 2));
    assertThat(MATRIX.precision(0)).isEqualTo(new Proportion(2, 3));
    assertThat(MATRIX.precision(1)).isEqualTo(new Proportion(1, 2));
    assertThat(MATRIX.total(0)).isEqualTo(3);
  }

  @Test
  void rowsAreTruthAndColumnsPredictions() {
    ConfusionMatrix m =
        ConfusionMatrix.of(List.of("a", "b"), new int[] {0, 0, 0, 1}, new int[] {1, 1, 0, 1});
    assertThat(m.accuracy(0)).isEqualTo(new Proportion(1, 3));
    assertThat(m.precision(0)).isEqualTo(new Proportion(1, 1));
    assertThat(m.accuracy(1)).isEqualTo(new Proportion(1, 1));
    assertThat(m.precision(1)).isEqualTo(new Proportion(1, 3));
  }

  @Test
  void whatHasNoExamplesIsNotANumber() {
    assertThat(MATRIX.accuracy(2).share()).isNaN();
    assertThat(MATRIX.precision(2).share()).isNaN();
    assertThat(ConfusionMatrix.of(NAMES, new int[0], new int[0]).accuracy().share()).isNaN();
  }

  @Test
  void tableIsAlignedAndIndependentOfTheLocale() {
    Locale before = Locale.getDefault();
    try {
      Locale.setDefault(Locale.GERMANY);
      assertThat(MATRIX.table().lines())
          .containsExactly(
              "true \\ predicted          camera       generated           other  accuracy   95 % interval",
              "camera                         2               1               0   66.67 %  20.8 to 93.9 %",
              "generated                      1               1               0   50.00 %   9.5 to 90.5 %",
              "other                          0               0               0         -               -",
              "precision                66.67 %         50.00 %               -",
              "95 % interval     20.8 to 93.9 %   9.5 to 90.5 %               -");
    } finally {
      Locale.setDefault(before);
    }
  }

  @Test
  void wrongArraysAreNamed() {
    assertThatThrownBy(() -> ConfusionMatrix.of(NAMES, new int[2], new int[1]))
        .hasMessage("one prediction per example is needed, found 1 for 2");
    assertThatThrownBy(() -> ConfusionMatrix.of(NAMES, new int[] {0, 3}, new int[2]))
        .hasMessage("label 3 of example 1 is none of 3 classes");
    assertThatThrownBy(() -> ConfusionMatrix.of(NAMES, new int[1], new int[] {-1}))
        .hasMessage("prediction -1 of example 0 is none of 3 classes");
    assertThatThrownBy(() -> new ConfusionMatrix(NAMES, new long[2][3]))
        .hasMessageContaining("one row per class");
    assertThatThrownBy(() -> new ConfusionMatrix(NAMES, new long[3][2]))
        .hasMessageContaining("one column per class");
  }
}
