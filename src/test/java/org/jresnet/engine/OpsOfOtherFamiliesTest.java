package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.check.Bound;
import org.jresnet.check.Comparison;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Activation.Function;
import org.jresnet.graph.Axis;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.ConvTranspose2d;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Op;
import org.jresnet.graph.Parameter;
import org.jresnet.testing.Fixture;
import org.jresnet.testing.SeededWeights;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A network of convolutions in groups, with gaps, biases and unequal sides, a transposed one, and
 * of every activation: what is fused, and that a step and an inference give the reference's
 * numbers.
 */
final class OpsOfOtherFamiliesTest {
  private static final int SIZE = 16;
  private static final byte[] PIXELS = new SeededWeights(5).pixels(4, SIZE, SIZE);
  private static final int[] LABELS = {0, 2, 1, 2};
  private static final Graph GRAPH = graph();

  private static Graph graph() {
    Graph.Builder g = Graph.builder("others", 3);
    int x = block(g, "a", new Conv2d(3, 16, 3, 1, 1).biased(), 16, Function.HARD_SWISH, 0);
    x = block(g, "b", new Conv2d(16, 16, 5, 2, 2).grouped(16), 16, Function.RELU6, x);
    x = block(g, "c", new Conv2d(16, 32, 3, 1, 2).dilated(2).grouped(4), 32, Function.SILU, x);
    Op up = new ConvTranspose2d(32, 16, 3, 2, 1).padded(1, 1).biased();
    x = g.add("d.conv", up, x);
    x = g.add("d.bn", new Op.BatchNorm(16, 1e-5, 0.1), x);
    x = g.add("d.act", new Activation(Function.LEAKY_RELU, 0.1), x);
    Op wide = new Conv2d(16, 8, new Axis(1, 1, 0), new Axis(3, 2, 1));
    int shortcut = g.add("p.conv", wide, x);
    shortcut = g.add("p.bn", new Op.BatchNorm(8, 1e-5, 0.1), shortcut);
    x = block(g, "e", wide, 8, Function.SIGMOID, x);
    x = g.add("f.conv", new Conv2d(8, 8, 1, 1, 0), x);
    x = g.add("f.bn", new Op.BatchNorm(8, 1e-5, 0.1), x);
    x = g.add("f.add", new Op.Add(), x, shortcut);
    x = g.add("f.act", new Activation(Function.HARD_SIGMOID), x);
    x = g.add("avgpool", new Op.GlobalAvgPool(), x);
    g.add("fc", new Op.Linear(8, 3), x);
    return g.build();
  }

  private static int block(Graph.Builder g, String name, Op conv, int k, Function f, int input) {
    int x = g.add(name + ".conv", conv, input);
    x = g.add(name + ".bn", new Op.BatchNorm(k, 1e-5, 0.1), x);
    return g.add(name + ".act", new Activation(f), x);
  }

  private static CompileOptions options(Pass pass) {
    return CompileOptions.of(pass, new CompileOptions.Images(4, SIZE, SIZE, Fixture.NORMALIZATION));
  }

  private static List<String> kinds(Pass pass) {
    return Executable.specs(GRAPH, options(pass), Precision.FP32).stream()
        .map(named -> named.spec().kind())
        .collect(Collectors.toList());
  }

  @Test
  void inferenceTakesEveryActivationAlong() {
    assertThat(kinds(Pass.INFERENCE))
        .containsExactly(
            "conv+norm+hardswish",
            "conv+norm+relu6",
            "conv+norm+silu",
            "convtranspose",
            "norm+leakyrelu",
            "conv+norm",
            "conv+norm+sigmoid",
            "conv+norm+add+hardsigmoid",
            "avgpool",
            "linear");
  }

  @Test
  void trainingComputesActivationsOnTheirOwn() {
    assertThat(kinds(Pass.TRAINING))
        .contains("hardswish", "relu6", "silu", "leakyrelu", "sigmoid", "norm+add", "hardsigmoid")
        .doesNotContain("norm+relu6", "norm+silu");
  }

  /** Logits of an inference, logits and parameter gradients of a step, by name. */
  private static Map<String, double[]> numbers(Backend backend, Precision precision) {
    Map<String, double[]> all = new TreeMap<>();
    try (Model model = new Model(GRAPH, backend, precision)) {
      model.initialize(3, Model.BlockEnd.ONE);
      try (Executable inference = Executable.compile(model, options(Pass.INFERENCE))) {
        all.put("logits of an inference", doubles(inference.infer(PIXELS)));
      }
      try (Executable step = Executable.compile(model, options(Pass.TRAINING))) {
        all.put("loss", new double[] {step.step(PIXELS, LABELS)});
        all.put("logits of a step", doubles(step.logits()));
      }
      for (Parameter p : GRAPH.parameters()) {
        if (p.role().trainable()) {
          all.put("gradient of " + p.name(), doubles(model.gradient(p.name()).toFloats()));
        }
      }
    }
    return all;
  }

  private static double[] doubles(float[] values) {
    double[] wide = new double[values.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = values[i];
    }
    return wide;
  }

  @ParameterizedTest
  @ValueSource(strings = {"cpu", "gpu"})
  void givesTheReferencesNumbers(String name) {
    try (Backend backend = TestBackends.open(name);
        Backend reference = new ReferenceBackend()) {
      Map<String, double[]> expected = numbers(reference, Precision.FP64);
      assertThat(expected.keySet()).hasSize(28);
      // Gradients of biases in front of a batch norm are zero but for rounding: the norm takes the
      // mean away. They are compared with the size of the other gradients.
      double typical = length(expected.get("gradient of fc.weight"));
      numbers(backend, Precision.FP32)
          .forEach(
              (what, actual) -> {
                double[] wanted = expected.get(what);
                Bound bound =
                    length(wanted) < 1e-6 * typical
                        ? new Bound.Absolute(1e-5 * typical)
                        : new Bound.Norm(1e-4);
                assertThat(bound.compare(what, new int[] {wanted.length}, actual, wanted))
                    .matches(Comparison::ok);
              });
    }
  }

  private static double length(double[] values) {
    double squares = 0;
    for (double v : values) {
      squares += v * v;
    }
    return Math.sqrt(squares);
  }
}
