package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Map;
import java.util.stream.Stream;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.base.UserError;
import org.jresnet.graph.Graph;
import org.jresnet.testing.Fixture;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Int8 networks of the other families beside single precision. */
final class QuantizedFamiliesTest {
  private static CompileOptions options(Fixture fixture) {
    return CompileOptions.of(
        Pass.INFERENCE,
        new CompileOptions.Images(
            fixture.batch(), fixture.height(), fixture.width(), Fixture.NORMALIZATION));
  }

  private static Map<String, Float> ranges(Model model, Fixture fixture) {
    try (Calibration calibration =
        new Calibration(model, fixture.batch(), fixture.height(), Fixture.NORMALIZATION)) {
      calibration.add(fixture.pixels(), fixture.batch());
      return calibration.ranges();
    }
  }

  private static float[] logits(Model model, CompileOptions options, byte[] pixels) {
    try (Executable executable = Executable.compile(model, options)) {
      return executable.infer(pixels);
    }
  }

  /** The bounds are twice what was seen: 255 steps per tensor, some twenty tensors deep. */
  private static final Map<String, Double> BOUNDS =
      Map.of(
          "mobilenet_v2-w8", 0.08,
          "mobilenet_v3_small-w8", 0.12,
          "mobilenet_v3_large-w8", 0.1,
          "efficientnet_b0-w8", 0.02,
          "regnet_y_400mf-w8", 0.11);

  static Stream<Arguments> networks() {
    return BOUNDS.keySet().stream()
        .sorted()
        .flatMap(name -> Stream.of(Arguments.of("cpu", name), Arguments.of("gpu", name)));
  }

  @ParameterizedTest
  @MethodSource("networks")
  void staysNearSinglePrecision(String kind, String name) {
    Fixture fixture = Fixture.open(name);
    Graph graph = fixture.published();
    try (Backend backend = TestBackends.open(kind)) {
      if (backend.supports(Precision.INT8) instanceof Support.No no) {
        assumeTrue(false, no.reason());
      }
      try (Model single = new Model(graph, backend, Precision.FP32);
          Model integers = new Model(graph, backend, Precision.INT8)) {
        fixture.weights().into(single);
        fixture.weights().into(integers);
        CompileOptions options = options(fixture);
        float[] expected = logits(single, options, fixture.pixels());
        float[] found =
            logits(integers, options.withRanges(ranges(single, fixture)), fixture.pixels());
        double error = 0;
        double size = 0;
        for (int i = 0; i < expected.length; i++) {
          error += Math.pow(found[i] - expected[i], 2);
          size += Math.pow(expected[i], 2);
        }
        assertThat(Math.sqrt(error / size)).isBetween(1e-4, BOUNDS.get(name));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "shufflenet_v2_x1_0-w6, shufflenet_v2_x1_0 cannot be quantized: stage2.0.concat: int8",
    "efficientnet_v2_s-w8, efficientnet_v2_s cannot be quantized: features.1.0.add: int8"
  })
  void whatCannotBeQuantizedIsNamedBeforeItIsMeasured(String name, String message) {
    Fixture fixture = Fixture.open(name);
    try (Backend backend = TestBackends.open("cpu");
        Model model = new Model(fixture.graph(), backend, Precision.FP32);
        Calibration calibration =
            new Calibration(model, fixture.batch(), fixture.height(), Fixture.NORMALIZATION)) {
      assertThatThrownBy(calibration::requireInt8)
          .isInstanceOf(UserError.class)
          .hasMessageStartingWith(message)
          .hasMessageEndingWith("use fp32 or bf16");
    }
  }
}
