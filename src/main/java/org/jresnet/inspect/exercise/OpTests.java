package org.jresnet.inspect.exercise;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Precision;
import org.jresnet.backend.UpdateRule;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.base.Text;
import org.jresnet.check.OpCase;
import org.jresnet.check.OpRun;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.graph.DType;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Shape;
import org.jresnet.inspect.exercise.Exercise.Test;
import org.jresnet.models.Architecture;
import org.jresnet.models.Preprocessing;

/** Tests of a learner's op: in single calls, then as part of a network. */
final class OpTests {
  /** Channels of the stem, so that plain loops are done within seconds. */
  static final int WIDTH = 8;

  static final int CLASSES = 10;

  /** With four images of 64 pixels the last batch norms still have 16 values per channel. */
  static final int BATCH = 4;

  static final int SIZE = 64;
  static final int STEPS = 3;
  static final long SEED = 7;

  private OpTests() {}

  /**
   * One op with drawn inputs.
   *
   * @param inputs whole numbers where every sum of them is one, so that a learner can follow it
   */
  static Test single(String name, Swap swap, OpSpec spec, OpCase.Inputs inputs) {
    return new Test(
        name,
        trial -> {
          try (Backend reference = new ReferenceBackend()) {
            OpCase drawn = new OpCase(type -> spec, Map.of(), inputs, SEED);
            String where = Text.format("x of %s", spec.x());
            Backend swapped = new SwappedBackend(reference, swap, trial, List.of(where));
            OpRun.run(swapped, spec, drawn.values(DType.F64), Map.of());
          }
        });
  }

  /**
   * One training step of the default network with a narrow stem, every node computed by itself.
   *
   * @param ops how the remark calls the learner's ops
   */
  static Test network(Swap swap, String ops) {
    Architecture network = Architecture.of(Architecture.DEFAULT);
    return new Test(
        Text.format("%s with %d channels in the stem: one training step", network.id(), WIDTH),
        trial -> {
          Graph graph = network.graph(CLASSES, WIDTH);
          CompileOptions options = options(graph, network.preprocessing());
          List<Executable.NamedSpec> specs = Executable.specs(graph, options, Precision.FP64);
          List<String> names = specs.stream().map(Executable.NamedSpec::name).toList();
          long taken = specs.stream().filter(s -> swap.takes(s.spec())).count();
          try (Backend reference = new ReferenceBackend();
              Model trusted = new Model(graph, reference, Precision.FP64);
              Model learners =
                  new Model(
                      graph, new SwappedBackend(reference, swap, trial, names), Precision.FP64)) {
            double expected = step(trusted, options);
            trial.startClock();
            double loss = step(learners, options);
            trial.remark(
                Text.format(
                    "%s with your %d %s: loss %.12f, reference %.12f; largest difference of a"
                        + " gradient %.1e",
                    network.id(), taken, ops, loss, expected, furthest(trusted, learners)));
            trial.remark(
                Text.format(
                    "your code took %.3f s of this step, the same ops in the reference %.3f s",
                    trial.seconds(), trial.trustedSeconds()));
          }
        });
  }

  /** Three training steps of the same network with the learner's update rule. */
  static Test training(Swap swap, UpdateRule rule, double rate) {
    Architecture network = Architecture.of(Architecture.DEFAULT);
    return new Test(
        Text.format(
            "%s with %d channels in the stem: %d training steps", network.id(), WIDTH, STEPS),
        trial -> {
          Graph graph = network.graph(CLASSES, WIDTH);
          CompileOptions options =
              CompileOptions.training(BATCH, SIZE, normalization(network.preprocessing()));
          List<String> names =
              Executable.specs(graph, options, Precision.FP64).stream()
                  .map(Executable.NamedSpec::name)
                  .toList();
          try (Backend reference = new ReferenceBackend();
              Model model =
                  new Model(
                      graph, new SwappedBackend(reference, swap, trial, names), Precision.FP64);
              OptimizerState optimizer = new OptimizerState(model, rule, Set.of());
              Executable step = Executable.compile(model, options)) {
            model.initialize(SEED, Model.BlockEnd.ONE);
            trial.startClock();
            List<String> losses = new ArrayList<>();
            for (int i = 0; i < STEPS; i++) {
              losses.add(Text.format("%.4f", step.step(pixels(), labels())));
              optimizer.step(rate, 1);
            }
            trial.remark(
                Text.format(
                    "%s took %d steps of yours; its loss before each: %s",
                    network.id(), STEPS, String.join(", ", losses)));
            trial.remark(
                Text.format(
                    "your code took %.3f s for them, the plain Java reference %.3f s",
                    trial.seconds(), trial.trustedSeconds()));
          }
        });
  }

  private static byte[] pixels() {
    byte[] pixels = new byte[BATCH * SIZE * SIZE * 3];
    new Random(SEED).nextBytes(pixels);
    return pixels;
  }

  private static int[] labels() {
    return IntStream.range(0, BATCH).map(i -> i % CLASSES).toArray();
  }

  static Normalization normalization(Preprocessing images) {
    return new Normalization(images.mean(), images.std());
  }

  /** {@code 2 images of 3x4, 5 channels} */
  static String images(Shape x) {
    return Text.format(
        "%s of %dx%d, %s", Text.count(x.n(), "image"), x.h(), x.w(), Text.count(x.c(), "channel"));
  }

  private static CompileOptions options(Graph graph, Preprocessing images) {
    Set<String> nodes =
        graph.nodes().stream()
            .filter(node -> !node.inputs().isEmpty())
            .map(Node::name)
            .collect(Collectors.toSet());
    return CompileOptions.training(BATCH, SIZE, normalization(images)).withTaps(nodes);
  }

  /** The loss of one step. */
  private static double step(Model model, CompileOptions options) {
    model.initialize(SEED, Model.BlockEnd.ONE);
    try (Executable step = Executable.compile(model, options)) {
      return step.step(pixels(), labels());
    }
  }

  /** The largest difference of a parameter's gradient, relative to the largest of its tensor. */
  private static double furthest(Model a, Model b) {
    double furthest = 0;
    for (Parameter p : a.graph().parameters()) {
      if (!p.role().trainable()) {
        continue;
      }
      double[] expected = OpRun.read(a.gradient(p.name()));
      double[] found = OpRun.read(b.gradient(p.name()));
      double largest = 0;
      double difference = 0;
      for (int i = 0; i < expected.length; i++) {
        largest = Math.max(largest, Math.abs(expected[i]));
        difference = Math.max(difference, Math.abs(found[i] - expected[i]));
      }
      furthest = Math.max(furthest, largest == 0 ? difference : difference / largest);
    }
    return furthest;
  }
}
