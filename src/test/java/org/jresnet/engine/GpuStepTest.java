package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;
import static org.jresnet.engine.GpuSteps.GRAPH;
import static org.jresnet.engine.GpuSteps.IMAGES;
import static org.jresnet.engine.GpuSteps.train;

import java.util.List;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.gpu.CudnnOptions;
import org.jresnet.engine.GpuSteps.Copy;
import org.jresnet.engine.GpuSteps.Images;
import org.jresnet.engine.GpuSteps.Trace;
import org.jresnet.nativebindings.cuda.CudaDevice;
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

  /**
   * Sums in a convolution's engine are the norm's own but for single precision's rounding of a
   * difference; what follows magnifies it as it does the order of any sum.
   */
  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"BF16", "FP16"})
  void statisticsOfEpiloguesAreThoseOfTheNorm(Precision precision) {
    double factor = precision == Precision.FP16 ? 128 : 1;
    Trace apart;
    try (Backend backend = GpuSteps.open(CudnnOptions.Launch.GRAPH, 1, CudnnOptions.Fusion.C)) {
      apart = train(backend, precision, 1, factor);
    }
    try (Backend backend = GpuSteps.open(CudnnOptions.Launch.GRAPH, 1, CudnnOptions.Fusion.G)) {
      List<String> kinds =
          NetworkOps.of(GRAPH, IMAGES.training(), precision, backend).stream()
              .map(named -> named.spec().kind())
              .toList();
      assertThat(kinds).doesNotContain("conv").doesNotContain("norm");
      assertThat(kinds.stream().filter(k -> k.equals("conv+norm+add+relu"))).hasSize(16);
      Trace together = train(backend, precision, 1, factor);
      assertThat(together.losses().get(0)).isCloseTo(apart.losses().get(0), withinPercentage(1));
      assertThat(together.norms().get(0)).isCloseTo(apart.norms().get(0), withinPercentage(3));
    }
  }

  /** Whatever runs when, the same engines compute the same numbers in the same order. */
  @ParameterizedTest
  @EnumSource(CudnnOptions.Launch.class)
  void gradientsOfWeightsBesideTheRestAreTheSame(CudnnOptions.Launch launch) {
    Trace one;
    try (Backend backend = GpuSteps.open(launch)) {
      one = train(backend, Precision.BF16, 3, 1, IMAGES, Copy.AHEAD);
    }
    try (Backend backend = GpuSteps.open(launch, 2, CudnnOptions.Fusion.AUTO)) {
      Trace two = train(backend, Precision.BF16, 3, 1, IMAGES, Copy.AHEAD);
      assertThat(two.losses()).doesNotContain(Double.NaN).isEqualTo(one.losses());
      assertThat(two.norms()).isEqualTo(one.norms());
      assertThat(two.parameters()).isEqualTo(one.parameters());
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
