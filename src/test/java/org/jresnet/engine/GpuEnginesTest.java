package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.jresnet.engine.GpuSteps.train;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jresnet.backend.Backend;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Tuning;
import org.jresnet.backend.gpu.Choice;
import org.jresnet.backend.gpu.GpuBackend;
import org.jresnet.check.Specs;
import org.jresnet.engine.Executable.NamedSpec;
import org.jresnet.engine.GpuSteps.Trace;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.models.Architecture;
import org.jresnet.nativebindings.cuda.CudaException;
import org.jresnet.testing.Fixture;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Engines that fail, are lost with the device, or cannot be had; kernels that are spoilt. */
class GpuEnginesTest {
  /** The attribute that says how many plans the simulated cuDNN has made. */
  private static final int PLANS = 1_000_006;

  @TempDir Path folder;

  /** After an illegal access no engine works any more: none is tried, and the message says so. */
  @ParameterizedTest
  @EnumSource(Tuning.class)
  void aLostDeviceEndsTheRun(Tuning tuning) {
    TestBackends.open("gpu").close();
    GpuSteps.assumeSimulated("can be lost at will");
    int inVain = -1;
    try (Backend backend = GpuSteps.openAnew(tuning, folder)) {
      GpuSteps.simulated(1_000_001);
      assertThatThrownBy(() -> train(backend, Precision.BF16, 1, 1))
          .isInstanceOfSatisfying(
              CudaException.class, e -> assertThat(e.kind()).isEqualTo(CudaException.Kind.LOST))
          .hasMessageContaining("cudaErrorIllegalAddress")
          .hasMessageContaining("start again");
      inVain = GpuSteps.simulated(1_000_002);
    } finally {
      GpuSteps.simulated(1_000_002);
    }
    assertThat(inVain).as("engines that were sent to the lost device").isZero();
    try (Backend backend = TestBackends.open("gpu")) {
      assertThat(train(backend, Precision.BF16, 1, 1).losses()).allMatch(Double::isFinite);
    }
  }

  /** The simulated GPU's first engines fail, each in another way. */
  @ParameterizedTest
  @EnumSource(Tuning.class)
  void enginesThatFailAreLeftOut(Tuning tuning) {
    TestBackends.open("gpu").close();
    GpuSteps.assumeSimulated("has engines that fail");
    try (Backend backend = GpuSteps.openAnew(tuning, folder)) {
      Trace trace = train(backend, Precision.BF16, 2, 1);
      assertThat(trace.losses()).doesNotContain(Double.NaN);
      assertThat(trace.norms()).allMatch(Double::isFinite);
    }
  }

  private static List<OpSpec> specs() {
    return Executable.specs(
            Architecture.of("resnet18").graph(10),
            CompileOptions.training(2, 32, Fixture.NORMALIZATION),
            Precision.BF16)
        .stream()
        .map(NamedSpec::spec)
        .toList();
  }

  private static List<String> engines(GpuBackend backend, List<OpSpec> specs) {
    return specs.stream()
        .flatMap(spec -> backend.choices(spec).stream())
        .map(choice -> choice.graph() + ": " + choice.text())
        .toList();
  }

  /** By several threads, but each graph once, and the same engine as in its turn. */
  @ParameterizedTest
  @EnumSource(
      value = Tuning.class,
      names = {"OFF", "HEURISTIC"})
  void whatIsPlannedAheadIsWhatIsPlannedInTurn(Tuning tuning) {
    TestBackends.open("gpu").close();
    GpuSteps.assumeSimulated("counts plans");
    List<OpSpec> specs = specs();
    int before = GpuSteps.simulated(PLANS);
    List<String> inTurn;
    try (GpuBackend backend = (GpuBackend) GpuSteps.openAnew(tuning, folder)) {
      inTurn = engines(backend, specs);
    }
    int needed = GpuSteps.simulated(PLANS) - before;
    try (GpuBackend backend = (GpuBackend) GpuSteps.openAnew(tuning, folder)) {
      backend.planAhead(specs);
      assertThat(GpuSteps.simulated(PLANS) - before).isEqualTo(2 * needed);
      assertThat(engines(backend, specs)).isEqualTo(inTurn);
    }
    assertThat(GpuSteps.simulated(PLANS) - before).as("none in its turn").isEqualTo(2 * needed);
  }

  /** What is timed is timed by one thread alone; what was timed before is made ahead. */
  @Test
  void enginesAreTimedInTurn() {
    TestBackends.open("gpu").close();
    GpuSteps.assumeSimulated("counts plans");
    List<OpSpec> specs = specs();
    List<String> timed;
    try (GpuBackend backend = (GpuBackend) GpuSteps.openAnew(Tuning.RACE, folder)) {
      int before = GpuSteps.simulated(PLANS);
      backend.planAhead(specs);
      assertThat(GpuSteps.simulated(PLANS)).as("plans before any is timed").isEqualTo(before);
      timed = engines(backend, specs);
    }
    try (GpuBackend backend = (GpuBackend) GpuSteps.openAnew(Tuning.RACE, folder)) {
      backend.planAhead(specs);
      int ahead = GpuSteps.simulated(PLANS);
      assertThat(engines(backend, specs)).isEqualTo(timed);
      assertThat(GpuSteps.simulated(PLANS)).as("plans after those made ahead").isEqualTo(ahead);
    }
  }

  @Test
  void corruptKernelsInTheCacheAreCompiledAnew() throws IOException {
    TestBackends.open("gpu").close();
    int spoilt = 0;
    try (DirectoryStream<Path> kernels =
        Files.newDirectoryStream(TestBackends.gpu().cache(), "kernels-*.cubin")) {
      for (Path file : kernels) {
        Files.writeString(file, "spoilt");
        spoilt++;
      }
    }
    assertThat(spoilt).isPositive();
    try (Backend backend = TestBackends.open("gpu")) {
      assertThat(train(backend, Precision.FP32, 1, 1).losses()).doesNotContain(Double.NaN);
    }
  }

  /**
   * A cooperative kernel's blocks wait for each other. The simulated GPU holds four of them at a
   * time, and its norms have one for eight channels.
   */
  @Test
  void aNormWhoseBlocksDoNotFitIsLeftOut() {
    GpuSteps.assumeSimulated("says how many blocks of a norm it holds");
    try (GpuBackend backend = (GpuBackend) TestBackends.open("gpu")) {
      assertThat(engines(backend, 32)).containsExactly(31L, 31L);
      assertThat(engines(backend, 40)).containsExactly(30L, 30L);
    }
  }

  private static List<Long> engines(GpuBackend backend, int channels) {
    OpSpec norm =
        Specs.norm(
            new Shape(2, 4, 4, channels),
            1e-5,
            0.1,
            DType.BF16,
            Pass.TRAINING,
            Mode.TRAIN,
            Specs.Residual.NONE,
            Specs.Activation.RELU,
            GradientWrite.OVERWRITE,
            GradientWrite.OVERWRITE);
    return backend.choices(norm).stream().map(Choice::engine).toList();
  }
}
