package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.jresnet.backend.Optimizer.Range;
import org.jresnet.check.Bound;
import org.jresnet.check.Comparison;
import org.jresnet.check.OpRun;
import org.jresnet.graph.DType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Steps of an optimizer, and what it measures and adds up. */
interface OptimizerContract extends BackendUnderTest {
  /** Ten steps in single precision stay within this of torch's ten in double precision. */
  private static Bound optimizerBound(Precision precision) {
    return new Bound.Largest(precision.parameter() == DType.F64 ? 1e-14 : 1e-6);
  }

  @ParameterizedTest
  @MethodSource("precisions")
  default void optimizersAreTorchs(Precision precision) {
    require(precision);
    for (JsonNode c : TorchNumbers.cases("optimizer")) {
      JsonNode o = c.get("options");
      double decay = o.get("weight_decay").asDouble();
      UpdateRule rule =
          switch (c.get("kind").asText()) {
            case "adam" -> new UpdateRule.Adam(0.9, 0.999, 1e-8, decay);
            case "adamw" -> new UpdateRule.AdamW(0.9, 0.999, 1e-8, decay);
            default -> new UpdateRule.Sgd(o.get("momentum").asDouble(), decay);
          };
      double[] start = TorchNumbers.doubles(c.get("parameters"));
      int[] extents = {start.length};
      try (Arenas arenas = new Arenas(backend(), precision, rule, start)) {
        int step = 1;
        for (JsonNode gradient : c.get("gradients")) {
          OpRun.write(arenas.gradients, TorchNumbers.doubles(gradient));
          List<Range> all = List.of(new Range(0, start.length));
          arenas.optimizer.step(all, o.get("lr").asDouble(), step++, 1);
        }
        Bound bound = optimizerBound(precision);
        assertThat(
                bound.compare(
                    "parameters of " + rule,
                    extents,
                    OpRun.read(arenas.parameters),
                    TorchNumbers.doubles(c.get("after"))))
            .matches(Comparison::ok);
        for (int i = 0; i < arenas.states.size(); i++) {
          assertThat(
                  bound.compare(
                      "state " + i + " of " + rule,
                      extents,
                      OpRun.read(arenas.states.get(i)),
                      TorchNumbers.doubles(c.get("states").get(i))))
              .matches(Comparison::ok);
        }
      }
    }
  }

  /** Many elements, several ranges, a scale: only what is in the ranges may move. */
  @ParameterizedTest
  @MethodSource("precisions")
  default void optimizersKeepToTheirRanges(Precision precision) {
    require(precision);
    int count = 7001;
    Random random = new Random(5);
    double[] start = random.doubles(count).map(v -> (float) v).toArray();
    double[] gradient = random.doubles(count, -1, 1).map(v -> (float) v).toArray();
    List<Range> ranges = List.of(new Range(3, 2500), new Range(2600, 0), new Range(4000, 3001));
    double scale = 0.25;
    for (UpdateRule rule : Arenas.RULES) {
      try (Arenas arenas = new Arenas(backend(), precision, rule, start)) {
        OpRun.write(arenas.gradients, gradient);
        arenas.optimizer.step(ranges, 0.1, 1, scale);
        double[] after = OpRun.read(arenas.parameters);
        double[] expected = start.clone();
        for (Range range : ranges) {
          for (int i = (int) range.first(); i < range.first() + range.count(); i++) {
            // A first step: m and v, corrected for their bias, are g and g².
            double g = scale * gradient[i];
            if (rule instanceof UpdateRule.Sgd) {
              expected[i] -= 0.1 * (g + 0.01 * start[i]);
            } else if (rule instanceof UpdateRule.Adam) {
              double decayed = g + 0.01 * start[i];
              expected[i] -= 0.1 * decayed / (Math.abs(decayed) + 1e-8);
            } else {
              expected[i] -= 0.1 * (0.01 * start[i] + g / (Math.abs(g) + 1e-8));
            }
          }
        }
        int[] extents = {count};
        // One step loses one rounding per operation, about ten of them.
        Bound bound = new Bound.Largest(precision.parameter() == DType.F64 ? 1e-12 : 1e-6);
        assertThat(bound.compare("parameters of " + rule, extents, after, expected))
            .matches(Comparison::ok);
        assertThat(
                new Bound.Untouched()
                    .compare(
                        "parameters outside of the ranges",
                        extents,
                        outside(ranges, after),
                        outside(ranges, start)))
            .matches(Comparison::ok);
        for (Tensor state : arenas.states) {
          assertThat(
                  new Bound.Untouched()
                      .compare(
                          "state outside of the ranges",
                          extents,
                          outside(ranges, OpRun.read(state)),
                          new double[count]))
              .matches(Comparison::ok);
        }
        assertThat(
                new Bound.Untouched()
                    .compare("gradients", extents, OpRun.read(arenas.gradients), gradient))
            .matches(Comparison::ok);
      }
    }
  }

  private static double[] outside(List<Range> ranges, double[] values) {
    double[] rest = values.clone();
    for (Range range : ranges) {
      Arrays.fill(rest, (int) range.first(), (int) (range.first() + range.count()), 0);
    }
    return rest;
  }

  @ParameterizedTest
  @MethodSource("precisions")
  default void measuresAndAccumulatesGradients(Precision precision) {
    require(precision);
    int count = 5003;
    double[] gradient = new Random(7).doubles(count, -1, 1).map(v -> (float) v).toArray();
    List<Range> ranges = List.of(new Range(1, 2000), new Range(3000, 2003));
    double squares =
        ranges.stream()
            .flatMapToDouble(
                r ->
                    IntStream.range((int) r.first(), (int) (r.first() + r.count()))
                        .mapToDouble(i -> gradient[i] * gradient[i]))
            .sum();
    try (Arenas arenas =
        new Arenas(backend(), precision, new UpdateRule.Sgd(0, 0), new double[count])) {
      OpRun.write(arenas.gradients, gradient);
      // Summed in double precision in every backend.
      assertThat(arenas.optimizer.gradientNorm(ranges))
          .isCloseTo(Math.sqrt(squares), within(1e-12 * Math.sqrt(squares)));
      Tensor target = arenas.states.get(0);
      OpRun.write(target, BackendUnderTest.nan(count));
      arenas.optimizer.accumulate(target, arenas.gradients, GradientWrite.OVERWRITE);
      assertThat(EXACT.compare("overwritten", new int[] {count}, OpRun.read(target), gradient))
          .matches(Comparison::ok);
      arenas.optimizer.accumulate(target, arenas.gradients, GradientWrite.ACCUMULATE);
      double[] twice = Arrays.stream(gradient).map(g -> 2 * g).toArray();
      assertThat(EXACT.compare("accumulated", new int[] {count}, OpRun.read(target), twice))
          .matches(Comparison::ok);
      gradient[4000] = Double.NaN;
      OpRun.write(arenas.gradients, gradient);
      assertThat(arenas.optimizer.gradientNorm(ranges)).isNaN();
      assertThat(arenas.optimizer.gradientNorm(ranges.subList(0, 1))).isFinite();
    }
  }
}
