package org.jresnet.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Values of scikit-learn and SciPy; {@code python tools/fixtures_metrics.py} makes them anew. */
final class LibraryValuesTest {
  /** Sums of a few hundred quotients in another order. */
  private static final double SUMS = 1e-12;

  /** A search for the minimum of a smooth function ends within the root of the rounding errors. */
  private static final double MINIMUM = 1e-6;

  private static List<JsonNode> cases(String kind) {
    try (InputStream in =
        LibraryValuesTest.class.getResourceAsStream("/fixtures/metrics/metrics.json")) {
      List<JsonNode> cases =
          StreamSupport.stream(new ObjectMapper().readTree(in).get(kind).spliterator(), false)
              .toList();
      assertThat(cases).hasSizeGreaterThanOrEqualTo(3);
      return cases;
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static boolean[] positive(JsonNode labels) {
    boolean[] positive = new boolean[labels.size()];
    for (int i = 0; i < positive.length; i++) {
      positive[i] = labels.get(i).asInt() == 1;
    }
    return positive;
  }

  private static double[] doubles(JsonNode values) {
    double[] array = new double[values.size()];
    for (int i = 0; i < array.length; i++) {
      array[i] = values.get(i).asDouble();
    }
    return array;
  }

  @TestFactory
  List<DynamicTest> binaryScoresAreScikitLearns() {
    return cases("binary").stream()
        .map(c -> DynamicTest.dynamicTest(c.get("name").asText(), () -> binary(c)))
        .toList();
  }

  private static void binary(JsonNode c) {
    BinaryScores s =
        BinaryScores.of(positive(c.get("labels")), doubles(c.get("scores"))).orElseThrow();
    assertThat(s.auc()).isCloseTo(c.get("auc").asDouble(), within(SUMS));
    assertThat(s.averagePrecision()).isCloseTo(c.get("average_precision").asDouble(), within(SUMS));
    assertThat(s.eer()).isCloseTo(c.get("eer").asDouble(), within(SUMS));
    for (int i = 0; i < BinaryScores.RATES.size(); i++) {
      JsonNode expected = c.get("tpr_at_" + BinaryScores.RATES.get(i));
      assertThat(s.hitRates().get(i).isEmpty()).isEqualTo(expected.isNull());
      if (!expected.isNull()) {
        assertThat(s.hitRates().get(i).getAsDouble()).isCloseTo(expected.asDouble(), within(SUMS));
      }
    }
  }

  @TestFactory
  List<DynamicTest> pairedAreasHaveDeLongsError() {
    return cases("delong").stream()
        .map(
            c ->
                DynamicTest.dynamicTest(
                    c.get("name").asText(),
                    () -> {
                      boolean[] positive = positive(c.get("labels"));
                      double[] first = doubles(c.get("first"));
                      DeLong d = DeLong.compare(positive, first, doubles(c.get("second")));
                      assertThat(d.difference())
                          .isCloseTo(c.get("difference").asDouble(), within(SUMS));
                      assertThat(d.standardError())
                          .isCloseTo(c.get("standard_error").asDouble(), within(SUMS));
                      assertThat(DeLong.standardError(positive, first))
                          .isCloseTo(c.get("first_error").asDouble(), within(SUMS));
                      double p = c.get("p").asDouble();
                      assertThat(d.pValue().getAsDouble()).isCloseTo(p, within(1e-9 * p));
                    }))
        .toList();
  }

  @TestFactory
  List<DynamicTest> mcNemarIsTheBinomialTest() {
    return cases("mcnemar").stream()
        .map(
            c ->
                DynamicTest.dynamicTest(
                    c.toString(),
                    () -> {
                      double p = c.get("p").asDouble();
                      assertThat(
                              new McNemar(c.get("first").asLong(), c.get("second").asLong())
                                  .pValue())
                          .isCloseTo(p, within(1e-10 * p));
                    }))
        .toList();
  }

  @TestFactory
  List<DynamicTest> temperaturesMinimiseTheLoss() {
    return cases("temperature").stream()
        .map(c -> DynamicTest.dynamicTest(c.get("name").asText(), () -> temperature(c)))
        .toList();
  }

  private static void temperature(JsonNode c) {
    int[] labels = new int[c.get("labels").size()];
    double[][] logits = new double[labels.length][];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = c.get("labels").get(i).asInt();
      logits[i] = doubles(c.get("logits").get(i));
    }
    Temperature t = Temperature.fit(labels, logits);
    double expected = c.get("temperature").asDouble();
    assertThat(t.fit()).isEqualTo(Temperature.Fit.FITTED);
    assertThat(t.value()).isCloseTo(expected, within(MINIMUM * expected));
    Calibration before =
        Calibration.of(labels, probabilities(new Temperature(1, t.fit()), logits)).orElseThrow();
    Calibration after = Calibration.of(labels, probabilities(t, logits)).orElseThrow();
    assertThat(before.nll()).isCloseTo(c.get("loss_before").asDouble(), within(SUMS));
    assertThat(before.brier()).isCloseTo(c.get("brier_before").asDouble(), within(SUMS));
    assertThat(after.nll()).isCloseTo(c.get("loss_after").asDouble(), within(SUMS));
    assertThat(after.brier()).isCloseTo(c.get("brier_after").asDouble(), within(MINIMUM));
  }

  private static double[][] probabilities(Temperature t, double[][] logits) {
    double[][] p = new double[logits.length][];
    for (int i = 0; i < p.length; i++) {
      p[i] = t.probabilities(logits[i]);
    }
    return p;
  }

  @TestFactory
  List<DynamicTest> conformalQuantilesAreNumpys() {
    return cases("conformal").stream()
        .map(
            c ->
                DynamicTest.dynamicTest(
                    c.get("scores").size() + " examples",
                    () -> {
                      double[] scores = doubles(c.get("scores"));
                      double[][] p = new double[scores.length][];
                      for (int i = 0; i < p.length; i++) {
                        p[i] = new double[] {1 - scores[i], scores[i]};
                      }
                      Conformal conformal = Conformal.of(new int[scores.length], p);
                      c.get("quantiles")
                          .properties()
                          .forEach(
                              q -> {
                                double found = conformal.quantile(Double.parseDouble(q.getKey()));
                                if (q.getValue().isNull()) {
                                  assertThat(found).isInfinite();
                                } else {
                                  assertThat(found)
                                      .isCloseTo(q.getValue().asDouble(), within(SUMS));
                                }
                              });
                    }))
        .toList();
  }
}
