package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Draws;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.backend.UpdateRule;
import org.jresnet.engine.CompileOptions.Watch;
import org.jresnet.graph.Activation;
import org.jresnet.graph.AvgPool;
import org.jresnet.graph.ChannelShuffle;
import org.jresnet.graph.ChannelSlice;
import org.jresnet.graph.Concat;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Dropout;
import org.jresnet.graph.Graph;
import org.jresnet.graph.MaxUnpool;
import org.jresnet.graph.Multiply;
import org.jresnet.graph.Op;
import org.jresnet.graph.Rewrite;
import org.jresnet.graph.Scale;
import org.jresnet.graph.Upsample;
import org.jresnet.testing.Allocations;
import org.jresnet.testing.CheckedBackend;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Networks of branches, windows and random draws, trained as a whole. */
class FurtherOpsTest {
  private static final int BATCH = 4;
  private static final int SIZE = 8;
  private static final Normalization NORMALIZATION =
      new Normalization(List.of(0.5f, 0.5f, 0.5f), List.of(0.5f, 0.5f, 0.5f));
  private static final CompileOptions TRAINING =
      CompileOptions.training(BATCH, SIZE, NORMALIZATION);
  private static final byte[] PIXELS = new byte[BATCH * SIZE * SIZE * 3];
  private static final int[] LABELS = {0, 2, 1, 2};

  static {
    new Random(4).nextBytes(PIXELS);
  }

  private static int block(Graph.Builder g, String name, int x, int c) {
    int y = g.add(name + ".first", new Conv2d(c, c, 3, 1, 1), x);
    y = g.add(name + ".conv", new Conv2d(c, c, 3, 1, 1), y);
    y = g.add(name + ".bn", new Op.BatchNorm(c, 1e-5, 0.1), y);
    y = g.add(name + ".drop", new Dropout(0.3, Dropout.Unit.IMAGE), y);
    y = g.add(name + ".add", new Op.Add(), y, x);
    y = g.add(name + ".relu", Activation.relu(), y);
    return g.add(name + ".dropout", new Dropout(0.2, Dropout.Unit.ELEMENT), y);
  }

  /** Residual blocks with stochastic depth and dropout. */
  private static Graph deep() {
    Graph.Builder g = Graph.builder("deep", 3);
    int x = g.add("stem", new Conv2d(3, 8, 3, 1, 1), 0);
    for (int i = 0; i < 4; i++) {
      x = block(g, "block" + i, x, 8);
    }
    x = g.add("avgpool", new Op.GlobalAvgPool(), x);
    g.add("fc", new Op.Linear(8, 3), x);
    return g.build();
  }

  /** Every op of many inputs or windows, with inputs taken twice and by several. */
  private static Graph wide() {
    Graph.Builder g = Graph.builder("wide", 3);
    int x = g.add("conv1", new Conv2d(3, 8, 3, 1, 1), 0);
    x = g.add("bn1", new Op.BatchNorm(8, 1e-5, 0.1), x);
    int large = g.add("relu1", Activation.relu(), x);
    int pooled = g.add("maxpool", new Op.MaxPool(2, 2, 0), large);
    int squeezed = g.add("squeeze", new Op.GlobalAvgPool(), pooled);
    int scaled = g.add("excite", new Multiply(), pooled, squeezed);
    int squared = g.add("square", new Multiply(), scaled, scaled);
    int left = g.add("left", new ChannelSlice(0, 4), squared);
    int right = g.add("right", new ChannelSlice(4, 4), scaled);
    int conv = g.add("conv2", new Conv2d(4, 4, 3, 1, 1), left);
    int half = g.add("half", new Scale(0.5), conv);
    int joined = g.add("join", new Concat(4), half, right, left, right);
    int shuffled = g.add("shuffle", new ChannelShuffle(4), joined);
    int mean = g.add("mean", new AvgPool(3, 1, 1, AvgPool.Divisor.PIXELS), shuffled);
    int narrow = g.add("conv3", new Conv2d(16, 8, 1, 1, 0), mean);
    int unpooled = g.add("unpool", new MaxUnpool(2, 2, 0), narrow, large);
    int raised = g.add("up", new Upsample(2), mean);
    int all = g.add("all", new Concat(3), unpooled, raised, unpooled);
    int out = g.add("avgpool", new Op.GlobalAvgPool(), all);
    g.add("fc", new Op.Linear(32, 3), out);
    return g.build();
  }

  /** What a few steps leave behind. */
  private record Trace(List<Double> losses, float[] parameters) {
    static Trace of(Backend backend, Precision precision, Graph graph, CompileOptions options) {
      List<Double> losses = new ArrayList<>();
      try (Model model = new Model(graph, backend, precision);
          OptimizerState sgd = new OptimizerState(model, new UpdateRule.Sgd(0.9, 0), Set.of());
          Executable step = Executable.compile(model, options)) {
        model.initialize(3, Model.BlockEnd.ONE);
        step.setDraws(11, 5);
        for (int i = 0; i < 4; i++) {
          losses.add(step.step(PIXELS, LABELS));
          sgd.step(0.05, 1);
        }
        return new Trace(losses, model.parameters().toFloats());
      }
    }

    void requireEqual(Trace other) {
      assertThat(losses).isEqualTo(other.losses).doesNotContain(Double.NaN);
      assertThat(parameters).containsExactly(other.parameters);
    }

    /** ‖difference‖ / ‖other‖ of the parameters. */
    double distance(Trace other) {
      double errors = 0;
      double squares = 0;
      for (int i = 0; i < parameters.length; i++) {
        errors += Math.pow(parameters[i] - (double) other.parameters[i], 2);
        squares += Math.pow(other.parameters[i], 2);
      }
      return Math.sqrt(errors / squares);
    }
  }

  private static Graph graph(String name) {
    return name.equals("deep") ? deep() : wide();
  }

  /** Single precision loses 6e-8 per operation; four steps through small batch norms amplify it. */
  @ParameterizedTest
  @CsvSource({"cpu, deep", "cpu, wide", "gpu, deep", "gpu, wide"})
  void backendsTrainAsTheReference(String name, String network) {
    try (Backend backend = TestBackends.open(name);
        Backend reference = TestBackends.open("reference")) {
      Trace expected = Trace.of(reference, Precision.FP64, graph(network), TRAINING);
      Trace actual = Trace.of(backend, Precision.FP32, graph(network), TRAINING);
      for (int i = 0; i < expected.losses.size(); i++) {
        assertThat(actual.losses.get(i))
            .as("loss of step %d", i)
            .isCloseTo(expected.losses.get(i), within(1e-4));
      }
      assertThat(actual.distance(expected)).as("parameters").isLessThan(1e-4);
      assertThat(new HashSet<>(expected.losses)).as("different losses").hasSize(4);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"deep", "wide"})
  void opsAccessWhatTheyDeclare(String network) {
    try (Backend backend = TestBackends.open("cpu")) {
      Trace.of(new CheckedBackend(backend), Precision.FP32, graph(network), TRAINING)
          .requireEqual(Trace.of(backend, Precision.FP32, graph(network), TRAINING));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"reference", "cpu", "gpu"})
  void recomputationDrawsTheSame(String name) {
    Precision precision = name.equals("reference") ? Precision.FP64 : Precision.FP32;
    try (Backend backend = TestBackends.open(name)) {
      Trace kept = Trace.of(backend, precision, deep(), TRAINING);
      for (int blocks : new int[] {1, 2}) {
        Trace.of(backend, precision, deep(), TRAINING.withCheckpointBlocks(blocks))
            .requireEqual(kept);
      }
    }
  }

  /** On a GPU the third and later steps are records of the second: they must see new draws, too. */
  @ParameterizedTest
  @ValueSource(strings = {"reference", "cpu", "gpu"})
  void everyStepDropsWhatItsKeySays(String name) {
    Precision precision = name.equals("reference") ? Precision.FP64 : Precision.FP32;
    Set<String> seen = Set.of("block0.relu", "block0.dropout", "block1.bn", "block1.drop");
    try (Backend backend = TestBackends.open(name);
        Model model = new Model(deep(), backend, precision);
        Executable step =
            Executable.compile(model, TRAINING.withWatch(new Watch(seen, Set.of(), List.of())))) {
      model.initialize(3, Model.BlockEnd.ONE);
      step.setDraws(7, 40);
      Draws elements = new Draws(Math.round(0.2 * 0x1p32), 1.25, 1);
      Draws images = new Draws(Math.round(0.3 * 0x1p32), 1 / 0.7, SIZE * SIZE * 8);
      Set<List<Integer>> masks = new HashSet<>();
      for (int i = 0; i < 5; i++) {
        step.step(PIXELS, LABELS);
        List<Integer> dropped = new ArrayList<>();
        for (int d = 0; d < 2; d++) {
          String in = d == 0 ? "block0.relu" : "block1.bn";
          String out = d == 0 ? "block0.dropout" : "block1.drop";
          Draws draws = d == 0 ? elements : images;
          long key = Draws.bits(Draws.key(7, 40 + i, out));
          float[] x = step.tap(in);
          float[] y = step.tap(out);
          for (int e = 0; e < x.length; e++) {
            double factor = draws.factor(key, e);
            assertThat(y[e])
                .as("%s of step %d, element %d", out, i, e)
                .isEqualTo((float) (x[e] * factor), within(1e-5f));
            if (factor == 0) {
              dropped.add(e + d * x.length);
            }
          }
        }
        masks.add(dropped);
      }
      assertThat(masks).as("different masks").hasSize(5);
      int total =
          masks.stream().mapToInt(m -> (int) m.stream().filter(e -> e < 2048).count()).sum();
      // A binomial of 10240 at 0.2 has a deviation of 40.
      assertThat(total).isBetween(2048 - 200, 2048 + 200);
    }
  }

  /** Loops of our own, and the keys of every step, too. */
  @ParameterizedTest
  @CsvSource({"deep, FP32", "wide, FP32", "deep, BF16", "wide, BF16"})
  void aStepAllocatesNothing(String network, Precision precision) {
    try (Backend backend = TestBackends.open("cpu")) {
      if (backend.supports(precision) instanceof Support.No no) {
        Assumptions.abort(precision + " is not possible here: " + no.reason());
      }
      try (Model model = new Model(graph(network), backend, precision);
          Executable step = Executable.compile(model, TRAINING)) {
        model.initialize(3, Model.BlockEnd.ONE);
        Allocations.requireNone(1, () -> step.step(PIXELS, LABELS));
      }
    }
  }

  /** What a checkpoint holds is enough: parameters, and the number of the step. */
  @ParameterizedTest
  @ValueSource(strings = {"cpu", "gpu"})
  void aResumedRunDrawsAsOneThatWasNeverInterrupted(String name) {
    try (Backend backend = TestBackends.open(name)) {
      List<Double> whole = losses(backend, 0, 4);
      List<Double> parts = new ArrayList<>(losses(backend, 0, 2));
      parts.addAll(losses(backend, 2, 4));
      assertThat(parts).isEqualTo(whole);
      assertThat(new HashSet<>(whole)).as("different losses").hasSize(4);
    }
  }

  /** Losses of steps without updates, in an executable of their own. */
  private static List<Double> losses(Backend backend, int from, int to) {
    List<Double> losses = new ArrayList<>();
    try (Model model = new Model(deep(), backend, Precision.FP32);
        Executable step = Executable.compile(model, TRAINING)) {
      model.initialize(3, Model.BlockEnd.ONE);
      step.setDraws(9, from);
      for (int i = from; i < to; i++) {
        losses.add(step.step(PIXELS, LABELS));
      }
    }
    return losses;
  }

  @ParameterizedTest
  @ValueSource(strings = {"reference", "cpu", "gpu"})
  void nothingIsDroppedInEvaluation(String name) {
    Precision precision = name.equals("reference") ? Precision.FP64 : Precision.FP32;
    try (Backend backend = TestBackends.open(name);
        Model model = new Model(deep(), backend, precision);
        Executable evaluation =
            Executable.compile(
                model,
                CompileOptions.inference(BATCH, SIZE, NORMALIZATION)
                    .withTaps(
                        Set.of("block0.relu", "block0.dropout", "block1.bn", "block1.drop")))) {
      model.initialize(3, Model.BlockEnd.ONE);
      float[] first = evaluation.infer(PIXELS);
      assertThat(evaluation.infer(PIXELS)).containsExactly(first);
      assertThat(evaluation.tap("block0.dropout")).containsExactly(evaluation.tap("block0.relu"));
      assertThat(evaluation.tap("block1.drop")).containsExactly(evaluation.tap("block1.bn"));
    }
  }

  /** Stochastic depth that does nothing costs nothing: additions are folded as without it. */
  @Test
  void inInferenceDropoutIsNotThere() {
    try (Backend backend = TestBackends.open("reference");
        Model model = new Model(deep(), backend, Precision.FP64);
        Executable evaluation =
            Executable.compile(model, CompileOptions.inference(BATCH, SIZE, NORMALIZATION))) {
      assertThat(evaluation.plan().stream().map(line -> line.spec().kind()))
          .containsExactly(
              "conv",
              "conv",
              "conv+norm+add+relu",
              "conv",
              "conv+norm+add+relu",
              "conv",
              "conv+norm+add+relu",
              "conv",
              "conv+norm+add+relu",
              "avgpool",
              "linear");
    }
  }

  @Test
  void anotherHeadTakesTheRestOfTheWeights() {
    Graph graph = deep();
    try (Backend backend = TestBackends.open("reference");
        Model old = new Model(graph, backend, Precision.FP64);
        Model made = new Model(Rewrite.head(graph, 5), backend, Precision.FP64)) {
      old.initialize(3, Model.BlockEnd.ONE);
      old.setBatchesTracked("block0.bn.num_batches_tracked", 9);
      made.initialize(4, Model.BlockEnd.ONE);
      float[] fresh = made.get("fc.weight");
      assertThat(made.take(old)).containsExactly("fc.weight", "fc.bias");
      assertThat(made.get("fc.weight")).containsExactly(fresh).hasSize(5 * 8);
      assertThat(made.get("stem.weight")).containsExactly(old.get("stem.weight"));
      assertThat(made.batchesTracked("block0.bn.num_batches_tracked")).isEqualTo(9);
    }
  }

  /** Scaled by 0, a branch is gone; what is left computes as if it had never been there. */
  @Test
  void aBranchScaledToZeroIsABranchRemoved() {
    Graph graph = deep();
    try (Backend backend = TestBackends.open("reference")) {
      float[] removed = logits(backend, Rewrite.withoutBranch(graph, "block2.add"));
      float[] zero = logits(backend, Rewrite.scaledBranch(graph, "block2.add", 0));
      assertThat(zero).containsExactly(removed);
      assertThat(logits(backend, graph)).isNotEqualTo(removed);
    }
  }

  private static float[] logits(Backend backend, Graph graph) {
    try (Model model = new Model(graph, backend, Precision.FP64);
        Executable evaluation =
            Executable.compile(model, CompileOptions.inference(BATCH, SIZE, NORMALIZATION))) {
      model.initialize(3, Model.BlockEnd.ONE);
      return evaluation.infer(PIXELS);
    }
  }
}
