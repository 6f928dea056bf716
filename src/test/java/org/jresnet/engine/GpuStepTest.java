package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.engine.GpuSteps.train;

import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.gpu.CudnnOptions;
import org.jresnet.engine.GpuSteps.Copy;
import org.jresnet.engine.GpuSteps.Images;
import org.jresnet.engine.GpuSteps.Trace;
import org.jresnet.nativebindings.cuda.CudaDevice;
import org.jresnet.testing.Fixture;
import org.jresnet.testing.SimulatedGpu;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whole steps on a GPU: recorded against call by call, run against run, precision against fp64. */
class GpuStepTest {
  private static final int STEPS = 6;

  /** The largest one is compiled first, but here 6 do not fit into what was planned for 4. */
  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"FP32", "BF16"})
  void batchSizesShareWeightsAndMemory(Precision precision) {
    try (Backend backend = TestBackends.open("gpu")) {
      assertThat(BatchSizesTest.inTurns(backend, precision)).isEqualTo(2);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"FP32", "BF16", "FP16"})
  void aRecordedStepIsTheStepCallByCall(Precision precision) {
    Trace recorded;
    Trace called;
    Trace again;
    try (Backend backend = TestBackends.open("gpu", CudnnOptions.Launch.GRAPH)) {
      recorded = train(backend, precision, STEPS, 1);
      again = train(backend, precision, STEPS, 1);
    }
    try (Backend backend = TestBackends.open("gpu", CudnnOptions.Launch.CALLS)) {
      called = train(backend, precision, STEPS, 1);
    }
    assertThat(recorded.losses()).doesNotContain(Double.NaN).isEqualTo(called.losses());
    assertThat(recorded.norms()).isEqualTo(called.norms());
    assertThat(recorded.parameters()).isEqualTo(called.parameters());
    assertThat(again.losses()).as("a second run").isEqualTo(recorded.losses());
    assertThat(again.parameters()).as("a second run").isEqualTo(recorded.parameters());
  }

  /** Bounds on the norm of the whole gradient, as bench checks them before it times. */
  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"FP32", "TF32", "BF16", "FP16"})
  void lossAndGradientAreTheReferences(Precision precision) {
    Trace expected;
    try (Backend reference = Backends.open("reference")) {
      expected = train(reference, Precision.FP64, 1, 1);
    }
    try (Backend backend = TestBackends.open("gpu")) {
      Trace found = train(backend, precision, 1, precision == Precision.FP16 ? 128 : 1);
      double bound =
          switch (precision) {
            case FP32 -> 1e-3;
            // With exact sums, on the simulated GPU, bf16 is 7 % off and fp16 3 %, whatever the
            // gradient factor; other orders of summing roll these dice anew.
            case BF16 -> 0.2;
            default -> 0.06;
          };
      assertThat(found.losses().get(0) / expected.losses().get(0)).isBetween(1 - bound, 1 + bound);
      assertThat(found.norms().get(0) / expected.norms().get(0)).isBetween(1 - bound, 1 + bound);
    }
  }

  /**
   * CUDA keeps the GPU that a thread works on for each thread by itself. A server's passes run in a
   * thread that has opened and compiled nothing; another one may open nothing and compile.
   */
  @ParameterizedTest
  @EnumSource(CudnnOptions.Launch.class)
  void anyThreadWorksOnTheGpuThatWasOpened(CudnnOptions.Launch launch) throws Exception {
    TestBackends.open("gpu").close();
    boolean simulated = Boolean.getBoolean("jresnet.test.simulated");
    SimulatedGpu.devices(simulated ? 2 : 1);
    Images few = new Images(2, 32);
    byte[] pixels = few.pixels(new Random(7));
    try (Backend backend = TestBackends.gpu(simulated ? 1 : 0, launch, 2);
        Model model = new Model(GpuSteps.GRAPH, backend, Precision.BF16)) {
      model.initialize(5, Model.BlockEnd.ONE);
      CompileOptions options =
          CompileOptions.inference(few.count(), few.size(), Fixture.NORMALIZATION);
      float[] expected;
      try (Executable here = Executable.compile(model, options)) {
        expected = here.infer(pixels).clone();
      }
      try (Executable there = Executable.compile(model, options)) {
        for (int i = 0; i < 3; i++) {
          assertThat(inAnotherThread(() -> there.infer(pixels))).isEqualTo(expected);
        }
      }
      Trace trained = train(backend, Precision.BF16, 3, 1, few, Copy.AHEAD);
      Trace again = inAnotherThread(() -> train(backend, Precision.BF16, 3, 1, few, Copy.AHEAD));
      assertThat(again.losses()).doesNotContain(Double.NaN).isEqualTo(trained.losses());
      assertThat(again.parameters()).isEqualTo(trained.parameters());
    } finally {
      SimulatedGpu.devices(1);
    }
  }

  private static <T> T inAnotherThread(Callable<T> work) throws Exception {
    FutureTask<T> task = new FutureTask<>(work);
    new Thread(task).start();
    return task.get();
  }

  @Test
  void memoryIsGivenBack() {
    try (Backend backend = TestBackends.open("gpu")) {
      // Few pixels: what a run must give back are the network's many blocks, whatever their size.
      Images few = new Images(2, 32);
      train(backend, Precision.BF16, 2, 1, few, Copy.IN_TURN);
      long before = CudaDevice.freeBytes();
      int runs = 8;
      for (int i = 0; i < runs; i++) {
        train(backend, Precision.BF16, 2, 1, few, Copy.IN_TURN);
      }
      // One of the runs alone takes 60 MB.
      assertThat(before - CudaDevice.freeBytes()).isLessThan(runs * 1_500_000L);
    }
  }
}
