package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.engine.GpuSteps.GRAPH;
import static org.jresnet.engine.GpuSteps.IMAGES;
import static org.jresnet.engine.GpuSteps.train;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.InputOp;
import org.jresnet.backend.LossScale;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.UpdateRule;
import org.jresnet.backend.gpu.CudnnOptions;
import org.jresnet.check.OpRun;
import org.jresnet.engine.GpuSteps.Copy;
import org.jresnet.engine.GpuSteps.Trace;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.testing.Fixture;
import org.jresnet.testing.SimulatedGpu;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What host and GPU do at a time: copies, steps and what is read of them keep their turns. */
class GpuOrderTest {
  /** The attribute that makes the simulated GPU work only while somebody waits for it. */
  private static final int IDLE = 1_000_007;

  private static final int STEPS = 6;

  /** The next batch is copied in while the device may be anywhere in the step before. */
  @ParameterizedTest
  @EnumSource(CudnnOptions.Launch.class)
  void prefetchedBatchesAreComputedInTheirTurn(CudnnOptions.Launch launch) {
    try (Backend backend = GpuSteps.open(launch)) {
      Trace expected = train(backend, Precision.BF16, STEPS, 1, IMAGES, Copy.IN_TURN);
      Trace found = train(backend, Precision.BF16, STEPS, 1, IMAGES, Copy.AHEAD);
      assertThat(new HashSet<>(expected.losses())).as("losses").hasSize(STEPS);
      assertThat(found.losses()).isEqualTo(expected.losses());
      assertThat(found.norms()).isEqualTo(expected.norms());
      assertThat(found.parameters()).isEqualTo(expected.parameters());
    }
  }

  /** As an evaluation does it: nobody waits between a batch's start and the next one's copy. */
  @Test
  void logitsAreThoseOfTheBatchThatWasStarted() {
    Random random = new Random(4);
    try (Backend backend = TestBackends.open("gpu");
        Model model = new Model(GRAPH, backend, Precision.BF16)) {
      model.initialize(5, Model.BlockEnd.ONE);
      try (Executable executable =
          Executable.compile(
              model,
              CompileOptions.inference(IMAGES.count(), IMAGES.size(), Fixture.NORMALIZATION))) {
        List<byte[]> batches = Stream.generate(() -> IMAGES.pixels(random)).limit(8).toList();
        List<float[]> expected = batches.stream().map(b -> executable.infer(b).clone()).toList();
        assertThat(expected.get(0)).isNotEqualTo(expected.get(1));
        for (int i = 0; i < batches.size(); i++) {
          executable.start(batches.get(i));
          if (i + 1 < batches.size()) {
            executable.prefetch(batches.get(i + 1));
          }
          assertThat(executable.logits()).as("batch %d", i).isEqualTo(expected.get(i));
        }
      }
    }
  }

  /**
   * As a training does it: each step is sent before the one before is waited for, and nothing else
   * is waited for. Results are those of steps that are waited for one by one.
   */
  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"BF16", "FP16"})
  void aStepIsSentBeforeTheLastOneIsKnown(Precision precision) {
    int steps = 12;
    try (Backend backend = TestBackends.open("gpu")) {
      // What is not waited for is not done.
      SimulatedGpu.ask(IDLE, 1);
      Decided each = decided(backend, precision, steps, Read.AT_ONCE);
      Decided late = decided(backend, precision, steps, Read.LATE);
      assertThat(new HashSet<>(late.trace.losses())).as("losses").hasSize(steps);
      assertThat(late.trace.losses()).isEqualTo(each.trace.losses());
      assertThat(late.trace.norms()).isEqualTo(each.trace.norms());
      assertThat(late.trace.parameters()).isEqualTo(each.trace.parameters());
      GpuSteps.assumeSimulated("counts waits");
      // The first steps are not recorded yet, and what they use for the first time is made.
      assertThat(late.waits.subList(3, steps)).as("waits beside the late read").containsOnly(0);
      assertThat(each.waits.subList(3, steps)).as("waits that are counted").containsOnly(2);
    } finally {
      SimulatedGpu.ask(IDLE, 0);
    }
  }

  private enum Read {
    AT_ONCE,
    LATE
  }

  /** With the waits of each step but for those of a late read. */
  private record Decided(Trace trace, List<Integer> waits) {}

  private static Decided decided(Backend backend, Precision precision, int steps, Read read) {
    Random random = new Random(3);
    List<Double> losses = new ArrayList<>();
    List<Double> norms = new ArrayList<>();
    List<Integer> waits = new ArrayList<>();
    try (Model model = new Model(GRAPH, backend, precision)) {
      model.initialize(5, Model.BlockEnd.ONE);
      try (Executable step = Executable.compile(model, IMAGES.training());
          OptimizerState adam =
              new OptimizerState(model, new UpdateRule.Adam(0.9, 0.999, 1e-8, 0), Set.of())) {
        adam.decideBy(1, new LossScale(precision, LossScale.State.START));
        byte[] pixels = IMAGES.pixels(random);
        for (int i = 0; i < steps; i++) {
          int[] labels = random.ints(IMAGES.count(), 0, 10).toArray();
          int before = waits();
          long run = step.start(pixels, labels);
          long update = adam.update(made -> 1e-3, 1);
          if (read == Read.AT_ONCE) {
            losses.add(step.loss(run));
            norms.add(adam.report(update).norm());
          }
          int known = waits();
          if (read == Read.LATE && i > 0) {
            losses.add(step.loss(run - 1));
            norms.add(adam.report(update - 1).norm());
          }
          int between = waits();
          pixels = IMAGES.pixels(random);
          step.prefetch(pixels);
          waits.add(known - before + waits() - between);
        }
        if (read == Read.LATE) {
          losses.add(step.loss(steps - 1));
          norms.add(adam.report(steps - 1).norm());
        }
        return new Decided(new Trace(losses, norms, model.parameters().toFloats()), waits);
      }
    }
  }

  /** How often the host has waited for work of the simulated GPU that was not done. */
  private static int waits() {
    return GpuSteps.simulated(1_000_000);
  }

  /** The host sends all batches before it waits for any. */
  @Test
  void aBatchDoesNotOvertakeTheOneBefore() {
    int batches = 2000;
    Shape shape = new Shape(1, 16, 16, 4);
    long count = shape.elements();
    Normalization identity = new Normalization(List.of(0f, 0f, 0f, 0f), List.of(1f, 1f, 1f, 1f));
    try (Backend backend = TestBackends.open("gpu");
        Buffer memory = backend.allocate("test", 4 * count * (batches + 1) + 4096)) {
      Tensor all = new Tensor(memory, 0, DType.F32, count * (batches + 1));
      Tensor y = all.slice(count * batches, count);
      try (InputOp input = backend.input(shape, identity, y);
          Optimizer copies = backend.optimizer(new UpdateRule.Sgd(0, 0), all, all, List.of(all))) {
        for (int i = 0; i < batches; i++) {
          byte[] pixels = new byte[(int) count];
          Arrays.fill(pixels, (byte) i);
          input.load(pixels);
          input.run();
          copies.accumulate(all.slice(count * i, count), y, GradientWrite.OVERWRITE);
        }
        float[] found = all.toFloats();
        for (int i = 0; i < count * batches; i++) {
          float expected = (i / count & 255) / 255f;
          assertThat(found[i])
              .as("element %d of batch %d", i % count, i / count)
              .isEqualTo(expected);
        }
      }
    }
  }

  /** Waiting is what a graph cannot hold. */
  @Test
  void whatCannotBeRecordedRunsCallByCall() {
    int count = 64;
    try (Backend backend = TestBackends.open("gpu", CudnnOptions.Launch.GRAPH);
        Buffer memory = backend.allocate("test", 8 * count)) {
      Tensor all = new Tensor(memory, 0, DType.F32, 2 * count);
      Tensor one = all.slice(0, count);
      Tensor sum = all.slice(count, count);
      all.buffer().write(0, ByteBuffer.wrap(new byte[8 * count]));
      try (Optimizer ops = backend.optimizer(new UpdateRule.Sgd(0, 0), all, all, List.of(all));
          Backend.Sequence sequence =
              backend.sequence(
                  () -> {
                    ops.accumulate(sum, one, GradientWrite.ACCUMULATE);
                    backend.synchronize();
                  })) {
        double[] ones = new double[count];
        Arrays.fill(ones, 1);
        OpRun.write(one, ones);
        for (int i = 1; i <= 4; i++) {
          sequence.run();
          assertThat(sum.toFloats()).as("after %d runs", i).containsOnly(i);
        }
      }
    }
  }
}
