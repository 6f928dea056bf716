package org.jresnet.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

final class OperatingPointTest {
  static double threshold(boolean[] positive, double[] scores, String name) {
    Roc roc = Roc.of(positive, scores).orElseThrow();
    return OperatingPoint.thresholds(roc)[List.of("eer", "fpr=0.01", "fpr=0.001").indexOf(name)];
  }

  /**
   * Negatives 0 … 99, positives 95.5, 98.5 and 200 … 297. Between 98 and 98.5 one of each hundred
   * is wrong. For 1 % above the largest of 100 negatives: {@code k = ⌊0.01·101⌋ = 1}.
   */
  @Test
  void thresholdsLieBetweenExamples() {
    boolean[] positive = new boolean[200];
    double[] scores = new double[200];
    for (int i = 0; i < 100; i++) {
      scores[i] = i;
      positive[100 + i] = true;
      scores[100 + i] = i < 98 ? 200 + i : i == 98 ? 95.5 : 98.5;
    }
    List<OperatingPoint> points = OperatingPoint.of(positive, scores, List.of(), 1);
    assertThat(points)
        .extracting(OperatingPoint::name)
        .containsExactly("eer", "fpr=0.01", "fpr=0.001");
    OperatingPoint eer = points.get(0);
    assertThat(eer.threshold()).isEqualTo(98.25);
    assertThat(eer.falseAlarms()).isEqualTo(new Proportion(1, 100));
    assertThat(eer.hits()).isEqualTo(new Proportion(99, 100));
    OperatingPoint one = points.get(1);
    assertThat(one.threshold()).isEqualTo((99 + 200) / 2.0);
    assertThat(one.falseAlarms().hits()).isZero();
    assertThat(one.hits()).isEqualTo(new Proportion(98, 100));
    assertThat(one.enough()).isTrue();
    assertThat(points.get(2).enough()).as("0.1 %% of 100 negatives").isFalse();
    assertThat(points.get(2).threshold()).isEqualTo(one.threshold());
    for (OperatingPoint p : points) {
      assertThat(p.interval().low()).isLessThanOrEqualTo(p.threshold());
      assertThat(p.interval().high()).isGreaterThanOrEqualTo(p.threshold());
    }
    assertThat(one.interval().high()).isGreaterThan(one.interval().low());
    assertThat(OperatingPoint.of(positive, scores, List.of(), 1)).isEqualTo(points);
  }

  @Test
  void separatedClassesAreCutInTheMiddle() {
    boolean[] positive = {false, false, true, true};
    List<OperatingPoint> points =
        OperatingPoint.of(positive, new double[] {-3, -1, 2, 4}, List.of(), 1);
    assertThat(points).hasSize(3).allMatch(p -> p.threshold() == 0.5);
    assertThat(points).filteredOn(OperatingPoint::enough).hasSize(1);
    assertThat(OperatingPoint.of(new boolean[] {true}, new double[] {1}, List.of(), 1)).isEmpty();
  }

  @Test
  void aWorthlessScoreStillHasThresholds() {
    boolean[] positive = {false, true, false, true};
    List<OperatingPoint> points =
        OperatingPoint.of(positive, new double[] {1, 1, 1, 1}, List.of(), 1);
    assertThat(points).hasSize(3);
    assertThat(points.get(1).threshold()).isEqualTo(Math.nextUp(1.0));
    assertThat(points.get(1).hits().hits()).isZero();
  }

  @Test
  void hitRatesNeedNegativesEnough() {
    boolean[] positive = new boolean[120];
    double[] scores = new double[120];
    for (int i = 0; i < 120; i++) {
      positive[i] = i >= 100;
      scores[i] = i;
    }
    // The second highest negative is above all but one positive.
    scores[99] = 500;
    scores[98] = 118.5;
    BinaryScores s = BinaryScores.of(positive, scores).orElseThrow();
    assertThat(s.hitRates().get(0)).hasValue(1.0 / 20);
    assertThat(s.hitRates().get(1)).isEqualTo(OptionalDouble.empty());
  }

  @Test
  void temperaturesThatDataDoNotTellStayOne() {
    double[][] right = new double[12][];
    double[][] wrong = new double[12][];
    int[] labels = new int[12];
    for (int i = 0; i < 12; i++) {
      labels[i] = i % 2;
      right[i] = new double[] {i % 2 == 0 ? 1 : -1, 0};
      wrong[i] = new double[] {i % 2 == 0 ? -1 : 1, 0};
    }
    assertThat(Temperature.fit(labels, right))
        .isEqualTo(new Temperature(1, Temperature.Fit.SEPARABLE));
    assertThat(Temperature.fit(labels, wrong))
        .isEqualTo(new Temperature(1, Temperature.Fit.MISLEADING));
    assertThat(Temperature.fit(new int[2], new double[][] {{1, 0}, {0, 1}}))
        .isEqualTo(new Temperature(1, Temperature.Fit.TOO_FEW));
    assertThatThrownBy(() -> new Temperature(0, Temperature.Fit.FITTED))
        .hasMessageContaining("positive");
    // Logits that hardly differ ask for a temperature of about 1e-9.
    double[][] flat = new double[12][];
    for (int i = 0; i < 12; i++) {
      flat[i] = new double[] {i == 0 ? -1e-9 : i % 2 == 0 ? 1e-9 : -1e-9, 0};
    }
    assertThat(Temperature.fit(labels, flat).value()).isEqualTo(1e-6);
    assertThat(new Temperature(2, Temperature.Fit.FITTED).probabilities(new double[] {2, 0})[0])
        .isCloseTo(1 / (1 + Math.exp(-1)), within(1e-15));
  }

  @Test
  void reliabilityBinsAreThoseOfTheError() {
    int[] labels = {0, 0, 1, 1, 0};
    double[][] p = {{0.9, 0.1}, {0.85, 0.15}, {0.4, 0.6}, {0.55, 0.45}, {1, 0}};
    List<Calibration.Bin> bins = Calibration.bins(labels, p);
    double error = 0;
    long examples = 0;
    for (Calibration.Bin b : bins) {
      error += b.correct().total() / 5.0 * Math.abs(b.confidence() - b.correct().share());
      examples += b.correct().total();
      assertThat(b.confidence()).isBetween(b.number() / 15.0, (b.number() + 1) / 15.0);
    }
    assertThat(examples).isEqualTo(5);
    assertThat(error)
        .isCloseTo(Calibration.of(labels, p).orElseThrow().expectedError(), within(1e-12));
  }

  @Test
  void mcNemarCountsWhereOnlyOneIsRight() {
    assertThat(
            McNemar.of(
                new boolean[] {true, true, false, false, true},
                new boolean[] {true, false, true, false, false}))
        .isEqualTo(new McNemar(2, 1));
    assertThatThrownBy(() -> McNemar.of(new boolean[1], new boolean[2]))
        .hasMessageContaining("the same examples");
  }

  @Test
  void certainDifferencesHaveNoPValue() {
    boolean[] positive = {false, false, true, true};
    double[] good = {0, 1, 2, 3};
    assertThat(DeLong.compare(positive, good, good).pValue()).hasValue(1);
    assertThat(DeLong.compare(positive, good, new double[4]).pValue()).isEmpty();
    assertThatThrownBy(() -> DeLong.compare(new boolean[4], good, good))
        .hasMessageContaining("two examples of each class");
  }
}
