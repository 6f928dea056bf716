package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.engine.CompileOptions.Watch;
import org.jresnet.graph.Node;
import org.jresnet.testing.Fixture;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A step against PyTorch at every node, forward and backward, and in bf16. */
final class NetworkNodesTest {
  /** As in {@link NetworkTest}: fixtures were computed in double precision. */
  private static final double BOUND = 1e-3;

  /**
   * Two computations in bf16 round at different places, so each lies elsewhere around the exact
   * values: ours may be this much farther from them than PyTorch's. Measured: 1.0 for activations
   * of inference, 1.0 for the gradients of ResNet-50.
   */
  private static final double TIMES_TORCH = 1.5;

  private static CompileOptions options(Fixture fixture, Pass pass, Watch watch) {
    return CompileOptions.of(
            pass,
            new CompileOptions.Images(
                fixture.batch(), fixture.height(), fixture.width(), Fixture.NORMALIZATION))
        .withWatch(watch);
  }

  @ParameterizedTest(name = "{0} on {1} {2}")
  @CsvSource({
    "resnet18-w8, reference, FP64",
    "resnet50-w8, reference, FP64",
    "resnet18-w8, cpu, FP32",
    "resnet50-w8, cpu, FP32",
    "mobilenet_v3_small-w8, cpu, FP32",
    "resnet18-w8, gpu, FP32"
  })
  void everyNode(String name, String backendName, Precision precision) {
    Fixture fixture = Fixture.open(name);
    Set<String> nodes = new TreeSet<>(fixture.names("nodes/activation/"));
    assertThat(fixture.names("nodes/gradient/")).containsExactlyElementsOf(nodes);
    Set<String> expected = new TreeSet<>();
    for (Node node : fixture.graph().nodes()) {
      // Additions and products are no modules of PyTorch's.
      if (!node.inputs().isEmpty() && node.op().arity() == 1) {
        expected.add(node.name());
      }
    }
    assertThat(nodes).isEqualTo(expected);
    try (Backend backend = TestBackends.open(backendName);
        Model model = new Model(fixture.graph(), backend, precision)) {
      fixture.weights().into(model);
      CompileOptions options = options(fixture, Pass.TRAINING, new Watch(nodes, nodes, List.of()));
      try (Executable step = Executable.compile(model, options)) {
        step.step(fixture.pixels(), fixture.labels());
        for (String node : nodes) {
          fixture.assertDistance("nodes/activation/" + node, step.tap(node), BOUND);
          fixture.assertDistance("nodes/gradient/" + node, step.tapGradient(node), BOUND);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "resnet18-w8",
        "resnet50-w8",
        "resnet18",
        "resnet50",
        "resnext50_32x4d-w16",
        "wide_resnet50_2-w8",
        "mobilenet_v3_small-w8",
        "mobilenet_v3_large-w8",
        "mobilenet_v2-w8",
        "shufflenet_v2_x1_0-w6",
        "efficientnet_b0-w8",
        "efficientnet_v2_s-w8",
        "regnet_y_400mf-w8"
      })
  void bf16IsAsExactAsTorchs(String name) {
    Fixture fixture = Fixture.open(name);
    try (Backend backend = TestBackends.open("cpu")) {
      if (backend.supports(Precision.BF16) instanceof Support.No no) {
        assumeTrue(false, no.reason());
      }
      try (Model model = new Model(fixture.graph(), backend, Precision.BF16)) {
        fixture.weights().into(model);
        List<String> nodes = fixture.names("eval/activation/");
        Watch watch = new Watch(Set.copyOf(nodes), Set.of(), List.of());
        try (Executable inference =
            Executable.compile(model, options(fixture, Pass.INFERENCE, watch))) {
          inference.infer(fixture.pixels());
          requireTorchs(fixture, "eval/activation/", inference::tap);
        }
        // Stages end where fused calls end, so that all is fused as in a run.
        try (Executable step = Executable.compile(model, options(fixture, Pass.TRAINING, watch))) {
          step.step(fixture.pixels(), fixture.labels());
          requireTorchs(fixture, "train/activation/", step::tap);
          // Together: roundings at a ReLU's zero switch gradients on and off, of one parameter more
          // on this side, of the next on the other; torch's own are up to 1.3 of their length off.
          requireTorchsTogether(fixture, "train/gradient/", p -> model.gradient(p).toFloats());
        }
      }
    }
  }

  private static void requireTorchs(
      Fixture fixture, String prefix, Function<String, float[]> actual) {
    List<String> names = fixture.names(prefix);
    assertThat(names).as(prefix).hasSizeGreaterThan(3);
    for (String name : names) {
      assertThat(fixture.distance(prefix + name, actual.apply(name)))
          .as("distance of %s%s from double precision", prefix, name)
          .isLessThan(TIMES_TORCH * fixture.bfloat16Distance(prefix + name));
    }
  }

  private static void requireTorchsTogether(
      Fixture fixture, String prefix, Function<String, float[]> actual) {
    List<String> names = fixture.names(prefix);
    assertThat(names).as(prefix).hasSizeGreaterThan(20);
    double ours = 0;
    double torchs = 0;
    for (String name : names) {
      ours += Math.pow(fixture.distance(prefix + name, actual.apply(name)), 2);
      torchs += Math.pow(fixture.bfloat16Distance(prefix + name), 2);
    }
    assertThat(Math.sqrt(ours / names.size()))
        .as("root mean square distance of %s from double precision", prefix)
        .isLessThan(TIMES_TORCH * Math.sqrt(torchs / names.size()));
  }
}
