package org.jresnet.inspect.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.jresnet.backend.Pass;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.base.UserError;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Shape;
import org.jresnet.inspect.Recording;
import org.jresnet.train.TrainOptions.OptimizerOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every formula gives the number that the engine recorded. */
final class TracerTest {
  /**
   * Of the sum of the terms' magnitudes. The engine adds up to 600 products in single precision
   * (2⁻²⁴ each, most of which cancel), and its norms subtract a mean from values around it.
   */
  private static final double TOLERANCE = 2e-5;

  /** Elements of each tensor that are looked at. */
  private static final int SAMPLES = 6;

  private static final Map<String, Path> FILES = new ConcurrentHashMap<>();

  @TempDir private static Path folder;

  private static Recording open(String architecture) {
    return Recording.open(
        FILES.computeIfAbsent(architecture, a -> SmallStep.write(folder.resolve(a + ".rec"), a)));
  }

  private static void requireEqual(ValueTrace t) {
    double scale = Math.abs(t.computed());
    for (ValueTrace.Term term : t.terms()) {
      scale += Math.abs(term.value());
    }
    assertThat(t.computed())
        .as("%s %s %s", t.tensor(), t.element(), t.formula())
        .isCloseTo(t.recorded(), within(TOLERANCE * scale + 1e-12));
    assertThat(t.difference()).isEqualTo(t.recorded() - t.computed());
    if (t.reduction() == ValueTrace.Reduction.SUM && t.quantities().isEmpty()) {
      double sum = t.rest() + t.terms().stream().mapToDouble(ValueTrace.Term::value).sum();
      assertThat(sum).isCloseTo(t.computed(), within(1e-9 * scale + 1e-15));
    }
  }

  private static int[] any(Random random, List<Integer> shape) {
    return shape.stream().mapToInt(random::nextInt).toArray();
  }

  private static List<Integer> extents(Shape s) {
    return List.of(s.n(), s.h(), s.w(), s.c());
  }

  @ParameterizedTest
  @ValueSource(strings = {"resnet18", "resnet50", "mobilenet_v2"})
  void forwardGivesEveryNodesOutput(String architecture) {
    try (Recording recording = open(architecture)) {
      Graph graph = recording.graph();
      Tracer tracer = new Tracer(recording, 1000);
      List<Shape> shapes = graph.shapes(2, SmallStep.SIZE, SmallStep.SIZE);
      Random random = new Random(1);
      int traced = 0;
      for (Node node : graph.nodes()) {
        for (int i = 0; i < SAMPLES && tracer.knows(node.name()); i++) {
          requireEqual(tracer.forward(node.name(), any(random, extents(shapes.get(node.index())))));
          traced++;
        }
      }
      assertThat(traced).isGreaterThan(SAMPLES * graph.nodes().size() * 9 / 10);
    }
  }

  /** Through every reader of every node; where a gradient splits, the shares add up. */
  @ParameterizedTest
  @ValueSource(strings = {"resnet18", "resnet50"})
  void backwardGivesEveryGradient(String architecture) {
    try (Recording recording = open(architecture)) {
      Graph graph = recording.graph();
      Tracer tracer = new Tracer(recording, 1000);
      List<Shape> shapes = graph.shapes(2, SmallStep.SIZE, SmallStep.SIZE);
      Random random = new Random(2);
      int split = 0;
      for (Node node : graph.nodes()) {
        for (int input = 0; input < node.inputs().size(); input++) {
          int from = node.inputs().get(input);
          for (int i = 0; i < SAMPLES; i++) {
            ValueTrace t =
                tracer.backward(node.name(), input, any(random, extents(shapes.get(from))));
            requireEqual(t);
            split +=
                t.quantities().stream().filter(q -> q.name().startsWith("through")).count() == 2
                    ? 1
                    : 0;
          }
        }
      }
      assertThat(split).as("gradients with two shares").isGreaterThan(8 * SAMPLES);
      for (int n = 0; n < 2; n++) {
        for (int k = 0; k < 2; k++) {
          requireEqual(tracer.lossGradient(n, 0, 0, k));
        }
      }
      requireEqual(tracer.loss());
      assertThat(tracer.loss().quantities()).hasSize(8);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"resnet18", "resnet50"})
  void everyParametersGradientAndUpdate(String architecture) {
    try (Recording recording = open(architecture)) {
      Tracer tracer = new Tracer(recording, 1000);
      Random random = new Random(3);
      int traced = 0;
      for (Parameter p : recording.graph().parameters()) {
        for (int i = 0; i < SAMPLES && p.role().trainable(); i++) {
          int[] at = any(random, p.shape());
          requireEqual(tracer.gradient(p.name(), at));
          requireUpdate(tracer.update(p.name(), at));
          traced++;
        }
      }
      assertThat(traced).isGreaterThan(300);
    }
  }

  /** The step itself is far smaller than the weight: both are compared. */
  private static void requireUpdate(ValueTrace t) {
    requireEqual(t);
    double before = t.terms().get(0).value();
    double change = t.terms().get(1).value();
    assertThat(t.recorded() - before)
        .as("%s %s", t.tensor(), t.element())
        .isCloseTo(change, within(1e-5 * Math.abs(change) + 1.2e-7 * Math.abs(before)));
    for (String moment : List.of("m", "v")) {
      List<Double> both =
          t.quantities().stream()
              .filter(q -> q.name().equals(moment) || q.name().equals(moment + " recorded"))
              .map(ValueTrace.Quantity::value)
              .toList();
      if (!both.isEmpty()) {
        assertThat(both).hasSize(2);
        assertThat(both.get(0))
            .isCloseTo(both.get(1), within(1e-5 * Math.abs(both.get(1)) + 1e-12));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(OptimizerOptions.Kind.class)
  void everyOptimizerAndFrozenParameters(OptimizerOptions.Kind kind) {
    Path file =
        SmallStep.write(
            folder.resolve(kind + ".rec"),
            "resnet18",
            Pass.TRAINING,
            SmallStep.optimizer(kind),
            Set.of("bn1.weight", "bn1.bias"));
    try (Recording recording = Recording.open(file)) {
      Tracer tracer = new Tracer(recording, 1000);
      for (int i = 0; i < 4; i++) {
        requireUpdate(tracer.update("layer1.0.conv1.weight", i, 0, 1, 1));
        // Running statistics, since the norm is frozen.
        requireEqual(tracer.forward("bn1", 0, i, i, i));
        requireEqual(tracer.backward("bn1", 0, 1, i, i, i));
      }
      assertThat(tracer.forward("bn1", 0, 0, 0, 0).quantities().get(0).name())
          .isEqualTo("mean of the run so far");
      assertThatThrownBy(() -> tracer.update("bn1.weight", 0)).isInstanceOf(UserError.class);
    }
  }

  @Test
  void manyTermsAreCutToTheLargest() {
    try (Recording recording = open("resnet18")) {
      ValueTrace all = new Tracer(recording, 1000).forward("layer4.1.conv2", 1, 1, 1, 3);
      ValueTrace cut = new Tracer(recording, 10).forward("layer4.1.conv2", 1, 1, 1, 3);
      assertThat(all.leftOut()).isZero();
      assertThat(cut.terms()).hasSize(10);
      assertThat(cut.leftOut()).isEqualTo(all.terms().size() - 10);
      assertThat(cut.computed()).isEqualTo(all.computed());
      double sum = cut.rest() + cut.terms().stream().mapToDouble(ValueTrace.Term::value).sum();
      assertThat(sum).isCloseTo(all.computed(), within(1e-12));
      double least = cut.terms().stream().mapToDouble(t -> Math.abs(t.value())).min().orElseThrow();
      assertThat(all.terms().stream().filter(t -> Math.abs(t.value()) > least).count())
          .isLessThan(10);
    }
  }

  @Test
  void theReferenceHoldsEveryStatementOnce() throws IOException {
    Set<ValueTrace.Source> sources = new java.util.HashSet<>();
    Set<String> files = new TreeSet<>();
    try (Recording recording = open("resnet18")) {
      Tracer tracer = new Tracer(recording, 1);
      for (Node node : recording.graph().nodes()) {
        sources.add(tracer.forward(node.name(), 0, 0, 0, 0).source());
        for (int i = 0; i < node.inputs().size(); i++) {
          sources.add(tracer.backward(node.name(), i, 0, 0, 0, 0).source());
        }
        for (Parameter p : node.parameters()) {
          if (p.role().trainable()) {
            sources.add(tracer.gradient(p.name(), new int[p.shape().size()]).source());
            sources.add(tracer.update(p.name(), new int[p.shape().size()]).source());
          }
        }
      }
      sources.add(tracer.loss().source());
      sources.add(tracer.lossGradient(0, 0, 0, 0).source());
    }
    for (ValueTrace.Source source : sources) {
      files.add(source.file());
      try (InputStream in = ReferenceBackend.class.getResourceAsStream(source.file())) {
        assertThat(in).as("the jar holds the reference's source %s", source.file()).isNotNull();
        String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        assertThat(text.lines().filter(line -> line.contains(source.statement())))
            .as("%s", source)
            .hasSize(1);
      }
    }
    assertThat(files)
        .containsExactly(
            "ActivationOp.java",
            "AddOp.java",
            "ConvSums.java",
            "CrossEntropy.java",
            "GlobalAvgPoolOp.java",
            "LinearOp.java",
            "MaxPoolOp.java",
            "NormOp.java",
            "ReferenceInput.java",
            "ReferenceOptimizer.java");
  }

  @Test
  void saysWhatIsNotThere() {
    Path inference =
        SmallStep.write(
            folder.resolve("inference.rec"),
            "resnet18",
            Pass.INFERENCE,
            SmallStep.optimizer(OptimizerOptions.Kind.ADAM),
            Set.of());
    try (Recording recording = open("resnet18");
        Recording forward = Recording.open(inference)) {
      Tracer tracer = new Tracer(recording, 10);
      assertThatThrownBy(() -> tracer.forward("layer1.0.conv3", 0, 0, 0, 0))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("no node 'layer1.0.conv3'; near are layer1.0.conv");
      assertThatThrownBy(() -> tracer.forward("conv1", 0, 32, 0, 0))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("[0, 32, 0, 0]")
          .hasMessageContaining("[2, 32, 32, 4]");
      assertThatThrownBy(() -> tracer.backward("conv1", 1, 0, 0, 0, 0))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("conv1 has 1 inputs");
      assertThatThrownBy(() -> tracer.update("bn1.running_mean", 0))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("no trainable parameter");
      Tracer of = new Tracer(forward, 10);
      requireEqual(of.forward("bn1", 0, 1, 2, 3));
      assertThatThrownBy(of::loss).isInstanceOf(UserError.class).hasMessageContaining("inference");
      assertThatThrownBy(() -> of.backward("bn1", 0, 0, 0, 0, 0)).isInstanceOf(UserError.class);
    }
  }
}
