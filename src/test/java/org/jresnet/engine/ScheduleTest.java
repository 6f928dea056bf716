package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.jresnet.backend.Backend;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.ForwardingBackend;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operand;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Phase;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.backend.UpdateRule;
import org.jresnet.engine.CompileOptions.Watch;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Slot;
import org.jresnet.models.Architecture;
import org.jresnet.testing.CheckedBackend;
import org.jresnet.testing.Fixture;
import org.jresnet.testing.SeededWeights;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What can be put into a step: taps, code of the user's, recomputation. */
final class ScheduleTest {
  private static final Graph SMALL = Architecture.of("resnet50").graph(3, 4);
  private static final int SIZE = 64;
  private static final byte[] PIXELS = new SeededWeights(5).pixels(4, SIZE, SIZE);
  private static final int[] LABELS = {0, 2, 1, 2};
  private static final CompileOptions TRAINING =
      CompileOptions.training(4, SIZE, Fixture.NORMALIZATION);

  private static Backend open(String name, Precision precision) {
    Backend backend = TestBackends.open(name);
    if (backend.supports(precision) instanceof Support.No no) {
      backend.close();
      Assumptions.abort(precision + " is not possible here: " + no.reason());
    }
    return backend;
  }

  private static Model seeded(Backend backend, Precision precision) {
    Model model = new Model(SMALL, backend, precision);
    new SeededWeights(3).into(model);
    return model;
  }

  /** All that a few steps leave behind. */
  private record Trace(
      List<Double> losses, float[] parameters, List<float[]> statistics, long batches, long bytes) {
    static Trace of(Backend backend, Precision precision, CompileOptions options) {
      List<Double> losses = new ArrayList<>();
      try (Model model = seeded(backend, precision);
          OptimizerState sgd =
              new OptimizerState(model, new UpdateRule.Sgd(0.9, 0), options.frozen());
          Executable step = Executable.compile(model, options)) {
        for (int i = 0; i < 3; i++) {
          losses.add(step.step(PIXELS, LABELS));
          sgd.step(1e-3, 1);
        }
        return new Trace(
            losses,
            model.parameters().toFloats(),
            SMALL.parameters().stream()
                .filter(p -> p.name().contains("running"))
                .map(p -> model.get(p.name()))
                .toList(),
            model.batchesTracked("bn1.num_batches_tracked"),
            step.memoryBytes());
      }
    }

    void requireEqual(Trace other) {
      assertThat(losses).isEqualTo(other.losses).doesNotContain(Double.NaN);
      assertThat(parameters).containsExactly(other.parameters);
      assertThat(batches).isEqualTo(other.batches);
      for (int i = 0; i < statistics.size(); i++) {
        assertThat(statistics.get(i)).containsExactly(other.statistics.get(i));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"reference, FP64", "cpu, FP32", "cpu, BF16", "gpu, FP32", "gpu, BF16"})
  void recomputationChangesMemoryAndNothingElse(String name, Precision precision) {
    try (Backend backend = open(name, precision)) {
      Trace kept = Trace.of(backend, precision, TRAINING);
      for (int blocks : new int[] {1, 3}) {
        Trace again = Trace.of(backend, precision, TRAINING.withCheckpointBlocks(blocks));
        again.requireEqual(kept);
        assertThat(again.bytes).as("bytes with %d blocks", blocks).isLessThan(kept.bytes);
      }
    }
  }

  /** Frozen blocks, whose outputs nobody needs in backward, lie in a stretch with trained ones. */
  @Test
  void recomputationGoesWithFrozenLayers() {
    Set<String> frozen = new TreeSet<>();
    SMALL.parameters().stream()
        .map(p -> p.name())
        .filter(n -> n.startsWith("conv1") || n.startsWith("bn1") || n.startsWith("layer1.0"))
        .forEach(frozen::add);
    try (Backend backend = open("cpu", Precision.FP32)) {
      CompileOptions options = TRAINING.withFrozen(frozen);
      Trace.of(backend, Precision.FP32, options.withCheckpointBlocks(2))
          .requireEqual(Trace.of(backend, Precision.FP32, options));
    }
  }

  /** Computes gradients of filters as late as it may: when they are waited for. */
  private static final class Late extends ForwardingBackend {
    private final Backend backend;
    private int joined;

    Late(Backend backend) {
      super(backend);
      this.backend = backend;
    }

    private static OpSpec wanting(OpSpec s, Predicate<Slot> wanted) {
      Map<Slot, GradientWrite> gradients = new TreeMap<>(s.gradients());
      gradients.keySet().removeIf(wanted.negate());
      return new OpSpec(s.op(), s.tail(), s.inputs(), s.output(), s.mode(), s.pass(), gradients);
    }

    private static Operand late(Operand o) {
      Set<Phase> reads = new TreeSet<>(o.reads());
      if (o.slot() == Slot.X || o.slot() == Slot.DY) {
        reads.add(Phase.JOIN);
      }
      Set<Phase> writes = o.slot() == Slot.DWEIGHT ? Set.of(Phase.JOIN) : o.writes();
      return new Operand(o.slot(), o.extents(), o.type(), reads, writes, o.over());
    }

    @Override
    public OpPlan plan(OpSpec spec) {
      if (!(spec.op() instanceof Conv2d) || spec.write(Slot.DWEIGHT) == GradientWrite.NONE) {
        return backend.plan(spec);
      }
      OpPlan first = backend.plan(wanting(spec, slot -> slot != Slot.DWEIGHT));
      OpPlan second = backend.plan(wanting(spec, slot -> slot == Slot.DWEIGHT));
      assertThat(second.savedBytes() + second.scratchBytes()).isZero();
      return new Plan(backend.plan(spec)) {
        @Override
        public List<Operand> operands() {
          return super.operands().stream().map(Late::late).toList();
        }

        @Override
        public BoundOp bind(Operands operands) {
          BoundOp one = first.bind(operands);
          BoundOp two = second.bind(operands);
          return new BoundOp() {
            @Override
            public void forward() {
              one.forward();
            }

            @Override
            public void backward() {
              one.backward();
            }

            @Override
            public void join() {
              two.backward();
              joined++;
            }

            @Override
            public void close() {
              one.close();
              two.close();
            }
          };
        }
      };
    }

    @Override
    public void close() {}
  }

  /** Nothing that is still needed is overwritten, recomputed or not. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void whatRunsOnIsWaitedForBeforeItsMemoryIsGivenAway(int blocks) {
    try (Backend backend = open("reference", Precision.FP64)) {
      CompileOptions options = TRAINING.withCheckpointBlocks(blocks);
      Trace plain = Trace.of(backend, Precision.FP64, options);
      Late late = new Late(backend);
      Trace.of(late, Precision.FP64, options).requireEqual(plain);
      // 53 convolutions in each of three steps.
      assertThat(late.joined).isEqualTo(3 * 53);
    }
  }

  /** Every op of the network keeps to its declarations, recomputed or not. */
  @Test
  void opsOfANetworkAccessWhatTheyDeclare() {
    try (Backend backend = open("cpu", Precision.FP32)) {
      Trace kept = Trace.of(backend, Precision.FP32, TRAINING);
      CheckedBackend checked = new CheckedBackend(backend);
      Trace.of(checked, Precision.FP32, TRAINING).requireEqual(kept);
      Trace.of(checked, Precision.FP32, TRAINING.withCheckpointBlocks(1)).requireEqual(kept);
    }
  }

  @ParameterizedTest
  @CsvSource({"reference, FP64", "cpu, FP32", "gpu, FP32"})
  void tapsOfEveryNodeChangeNoResult(String name, Precision precision) {
    Set<String> all = new TreeSet<>();
    SMALL.nodes().stream().map(Node::name).forEach(all::add);
    try (Backend backend = open(name, precision);
        Model model = seeded(backend, precision)) {
      float[] before;
      double loss;
      try (Executable plain = Executable.compile(model, TRAINING)) {
        loss = plain.step(PIXELS, LABELS);
        before = model.gradient("layer1.0.conv1.weight").toFloats();
      }
      new SeededWeights(3).into(model);
      Watch watch = new Watch(all, all, List.of());
      try (Executable tapped = Executable.compile(model, TRAINING.withWatch(watch));
          Executable again =
              Executable.compile(model, TRAINING.withWatch(watch).withCheckpointBlocks(2))) {
        assertThat(tapped.step(PIXELS, LABELS)).isEqualTo(loss, within(1e-4));
        // Other roundings, where ops are not computed together: 50 layers multiply them, and a ReLU
        // near zero lets another element through. In double precision neither shows.
        assertThat(distance(model.gradient("layer1.0.conv1.weight").toFloats(), before))
            .isLessThan(precision == Precision.FP64 ? 1e-6 : 1e-2);
        new SeededWeights(3).into(model);
        again.step(PIXELS, LABELS);
        for (String node : all) {
          float[] gradient = tapped.tapGradient(node);
          assertThat(gradient).as(node).hasSameSizeAs(tapped.tap(node));
          assertThat(norm(gradient)).as("gradient of %s", node).isPositive().isFinite();
          assertThat(again.tapGradient(node)).as(node).containsExactly(gradient);
          assertThat(again.tap(node)).as(node).containsExactly(tapped.tap(node));
        }
        // The gradient of the last bias is the sum of the logits' gradients over the batch.
        float[] dlogits = tapped.tapGradient("fc");
        float[] dbias = model.gradient("fc.bias").toFloats();
        for (int k = 0; k < 3; k++) {
          float sum = dlogits[k] + dlogits[3 + k] + dlogits[6 + k] + dlogits[9 + k];
          assertThat(dbias[k]).isEqualTo(sum, org.assertj.core.data.Offset.offset(1e-6f));
        }
      }
    }
  }

  private static org.assertj.core.data.Offset<Double> within(double distance) {
    return org.assertj.core.data.Offset.offset(distance);
  }

  private static double norm(float[] values) {
    double sum = 0;
    for (float v : values) {
      sum += (double) v * v;
    }
    return Math.sqrt(sum);
  }

  private static double distance(float[] a, float[] b) {
    float[] difference = new float[a.length];
    for (int i = 0; i < a.length; i++) {
      difference[i] = a[i] - b[i];
    }
    return norm(difference) / norm(b);
  }

  /** With all parameters frozen there is still a gradient of what is watched. */
  @Test
  void aFrozenNetworkHasGradientsOfActivations() {
    Set<String> frozen = new TreeSet<>();
    SMALL.parameters().forEach(p -> frozen.add(p.name()));
    Watch watch = new Watch(Set.of(), Set.of("input", "layer4.2.relu"), List.of());
    try (Backend backend = open("cpu", Precision.FP32);
        Model model = seeded(backend, Precision.FP32);
        Executable step = Executable.compile(model, TRAINING.withFrozen(frozen).withWatch(watch))) {
      step.step(PIXELS, LABELS);
      assertThat(norm(step.tapGradient("input"))).isPositive();
      assertThat(norm(step.tapGradient("layer4.2.relu"))).isPositive();
      assertThatThrownBy(() -> step.tapGradient("conv1"))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("conv1 was not watched");
    }
  }

  @ParameterizedTest
  @CsvSource({"reference, FP64", "cpu, FP32", "gpu, FP32"})
  void callbacksSeeAndChangeTensorsWithinAStep(String name, Precision precision) {
    List<String> calls = new ArrayList<>();
    float[][] seen = new float[1][];
    Callback output = new Callback("layer2.0.relu", Callback.What.OUTPUT, t -> calls.add("output"));
    Callback gradient =
        new Callback(
            "layer2.0.relu",
            Callback.What.GRADIENT,
            t -> {
              calls.add("gradient");
              seen[0] = t.toFloats();
              t.set(new float[seen[0].length]);
            });
    Watch watch = new Watch(Set.of(), Set.of("layer2.0.relu", "conv1"), List.of(output, gradient));
    try (Backend backend = open(name, precision);
        Model model = seeded(backend, precision);
        Executable step = Executable.compile(model, TRAINING.withWatch(watch))) {
      for (int i = 0; i < 2; i++) {
        step.step(PIXELS, LABELS);
      }
      assertThat(calls).containsExactly("output", "gradient", "output", "gradient");
      assertThat(norm(seen[0])).isPositive();
      // What the callback has set to zero stays zero down to the first layer.
      assertThat(norm(step.tapGradient("conv1"))).isZero();
      assertThat(norm(model.gradient("conv1.weight").toFloats())).isZero();
      assertThat(norm(model.gradient("layer3.0.conv1.weight").toFloats())).isPositive();
    }
  }

  @Test
  void wrongWishesAreNamed() {
    try (Backend backend = open("cpu", Precision.FP32);
        Model model = seeded(backend, Precision.FP32)) {
      CompileOptions inference = CompileOptions.inference(1, SIZE, Fixture.NORMALIZATION);
      assertThat(inference.pass()).isEqualTo(Pass.INFERENCE);
      Watch watch = new Watch(Set.of(), Set.of("conv1"), List.of());
      assertThatThrownBy(() -> Executable.compile(model, inference.withWatch(watch)))
          .hasMessageContaining("Pass.TRAINING");
      assertThatThrownBy(() -> TRAINING.withCheckpointBlocks(-1))
          .hasMessageContaining("at least 0");
    }
  }
}
