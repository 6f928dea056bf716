package org.jresnet.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class CurvesTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 100})
  void bothCurvesOfBothChartsAreSeen(int epochs) {
    BufferedImage image = draw(falling(epochs, 0.9), falling(epochs, 0.5));
    assertThat(image.getWidth()).isEqualTo(1280);
    assertThat(image.getHeight()).isEqualTo(420);
    for (int chart = 0; chart < 2; chart++) {
      // The legend alone, a short line for each curve, stays below this.
      assertThat(count(image, chart, CurvesTest::bluish)).isGreaterThan(80);
      assertThat(count(image, chart, CurvesTest::orange)).isGreaterThan(80);
    }
  }

  @Test
  void valuesThatAreNotFiniteLeaveAGap() {
    BufferedImage image =
        draw(List.of(0.5, Double.NaN, Double.POSITIVE_INFINITY), List.of(0.5, 0.4, 0.3));
    assertThat(count(image, 0, CurvesTest::orange))
        .isGreaterThan(count(image, 0, CurvesTest::bluish));
    assertThat(draw(List.of(Double.NaN), List.of(Double.NaN))).isNotNull();
  }

  @Test
  void allZeroLosses() {
    assertThat(draw(Collections.nCopies(3, 0.0), Collections.nCopies(3, 0.0))).isNotNull();
  }

  @Test
  void aCurveNeedsAValue() {
    assertThatThrownBy(() -> new Curves.Curve("training", List.of()))
        .hasMessage("the curve training has no values");
  }

  private static BufferedImage draw(List<Double> training, List<Double> validation) {
    return Curves.draw(curves(training, validation, 1), curves(training, validation, 100));
  }

  private static List<Curves.Curve> curves(
      List<Double> training, List<Double> validation, double scale) {
    return List.of(
        new Curves.Curve("training", training.stream().map(v -> scale * v).toList()),
        new Curves.Curve("validation", validation.stream().map(v -> scale * v).toList()));
  }

  private static List<Double> falling(int epochs, double from) {
    return IntStream.range(0, epochs).mapToObj(i -> from / (1 + i * 5.0 / epochs)).toList();
  }

  private static boolean bluish(int rgb) {
    return (rgb & 255) > 200 && (rgb >> 16 & 255) < 100;
  }

  private static boolean orange(int rgb) {
    return (rgb >> 16 & 255) > 200 && (rgb & 255) < 120;
  }

  private static long count(
      BufferedImage image, int chart, java.util.function.IntPredicate colour) {
    int width = image.getWidth() / 2;
    return IntStream.range(0, width * image.getHeight())
        .map(i -> image.getRGB(chart * width + i % width, i / width))
        .filter(colour)
        .count();
  }
}
