package org.jresnet.backend.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.backend.Tuning;
import org.jresnet.bench.NetworkContests;
import org.jresnet.check.OpCase;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Executable.NamedSpec;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Op;
import org.jresnet.models.Architecture;
import org.jresnet.nativebindings.cuda.KernelProgram;
import org.jresnet.testing.Fixture;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What cuDNN can plan for an H200, and what NVRTC compiles for it; no GPU is needed. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PlanningTest {
  private GpuBackend backend;

  @BeforeAll
  void open() {
    TestBackends.assumeCudnn();
    backend = GpuBackend.planning(DeviceDescription.of("h200"), TestBackends.gpu());
  }

  @AfterAll
  void close() {
    if (backend != null) {
      backend.close();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "FP32, 1",
    "FP32, 32",
    "FP32, 256",
    "TF32, 1",
    "TF32, 32",
    "TF32, 256",
    "BF16, 1",
    "BF16, 32",
    "BF16, 256",
    "FP16, 1",
    "FP16, 32",
    "FP16, 256"
  })
  void resNet50PlansInEveryPrecision(Precision precision, int batch) {
    check(precision, CompileOptions.training(batch, 224, Fixture.NORMALIZATION));
    check(precision, CompileOptions.inference(batch, 224, Fixture.NORMALIZATION));
  }

  /** By several threads of cuDNN's, compiled engines among them. */
  @Test
  void whatIsPlannedAheadIsWhatIsPlannedInTurn() {
    List<OpSpec> specs =
        Executable.specs(
                Architecture.of("resnet18").graph(1000),
                CompileOptions.training(16, 64, Fixture.NORMALIZATION),
                Precision.BF16)
            .stream()
            .map(NamedSpec::spec)
            .toList();
    CudnnOptions options = TestBackends.gpu(Tuning.HEURISTIC);
    try (GpuBackend ahead = GpuBackend.planning(DeviceDescription.of("h200"), options);
        GpuBackend inTurn = GpuBackend.planning(DeviceDescription.of("h200"), options)) {
      ahead.planAhead(specs);
      for (OpSpec spec : specs) {
        assertThat(ahead.choices(spec)).as("%s", spec).isEqualTo(inTurn.choices(spec));
      }
      assertThat(specs.stream().flatMap(spec -> ahead.choices(spec).stream()))
          .anyMatch(Choice::compiled);
    }
  }

  /** The bytes that go in have signs: for others cuDNN 9.24 ends the process. */
  @Test
  void everyConvolutionOfResNet50PlansOnBytes() {
    int convolutions = 0;
    for (NamedSpec named :
        NetworkContests.specs(
            Architecture.of("resnet50").graph(1000),
            CompileOptions.inference(32, 224, Fixture.NORMALIZATION),
            Precision.INT8)) {
      List<Choice> choices = backend.choices(named.spec());
      if (named.spec().op() instanceof Conv2d) {
        assertThat(choices).as("engines of %s", named).hasSize(1);
        assertThat(choices.get(0).fallback()).as("%s is of last resort", choices).isFalse();
        convolutions++;
      }
    }
    assertThat(convolutions).isEqualTo(53);
  }

  /** Activations that are no limits of bytes, groups, and squeeze-and-excitation. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "mobilenet_v2",
        "mobilenet_v3_small",
        "efficientnet_b0",
        "regnet_y_400mf",
        "resnext50_32x4d"
      })
  void otherNetworksPlanOnBytes(String name) {
    for (NamedSpec named :
        NetworkContests.specs(
            Architecture.of(name).graph(1000),
            CompileOptions.inference(1, 224, Fixture.NORMALIZATION),
            Precision.INT8)) {
      assertThat(backend.supports(named.spec())).as("%s", named).isEqualTo(Support.yes());
    }
  }

  /**
   * A norm before each 3x3 and each last convolution of a block; on compute capability 10.0 those
   * whose gradient of the data has an engine within the workspace.
   */
  @ParameterizedTest
  @CsvSource({"h200, FP16, 32", "h200, BF16, 0", "b200, FP16, 25"})
  void mainLoopsOfResNet50Plan(String device, Precision precision, int expected) {
    CudnnOptions o = TestBackends.gpu();
    CudnnOptions options =
        new CudnnOptions(
            o.device(),
            o.libraries(),
            o.workspaceBytes(),
            o.tuning(),
            o.results(),
            o.launch(),
            o.streams(),
            CudnnOptions.Fusion.M,
            o.cache());
    try (GpuBackend fusing = GpuBackend.planning(DeviceDescription.of(device), options)) {
      int convolutions = 0;
      int norms = 0;
      for (NamedSpec named :
          NetworkContests.specs(
              Architecture.of("resnet50").graph(1000),
              CompileOptions.training(256, 224, Fixture.NORMALIZATION),
              precision,
              fusing)) {
        if (named.spec().convolves()) {
          norms++;
          assertThat(fusing.choices(named.spec()))
              .as("engines of %s", named)
              .hasSize(3)
              .noneMatch(Choice::fallback);
        }
        convolutions += named.spec().output().summed() ? 1 : 0;
      }
      assertThat(norms).isEqualTo(expected);
      assertThat(convolutions).isEqualTo(53);
    }
  }

  private void check(Precision precision, CompileOptions options) {
    List<NamedSpec> specs =
        Executable.specs(Architecture.of("resnet50").graph(1000), options, precision);
    assertThat(specs).hasSizeGreaterThan(50);
    for (NamedSpec named : specs) {
      List<Choice> choices = backend.choices(named.spec());
      if (named.spec().op() instanceof Op.Linear || named.spec().op() instanceof Op.GlobalAvgPool) {
        assertThat(choices).as("own kernels and cuBLASLt: %s", named).isEmpty();
      } else {
        assertThat(choices).as("engines of %s", named).isNotEmpty();
      }
      for (Choice choice : choices) {
        // For some convolutions in single precision cuDNN proposes nothing but TF32; its exact
        // engines are then among those of last resort.
        if (precision != Precision.FP32) {
          assertThat(choice.fallback()).as("%s is of last resort", choice).isFalse();
        }
        assertThat(choice.proposals()).as("proposals for %s", choice).isPositive();
        assertThat(choice.workspaceBytes())
            .as("workspace of %s", choice)
            .isBetween(0L, CudnnOptions.WORKSPACE);
      }
      try (OpPlan plan = backend.plan(named.spec())) {
        assertThat(plan.scratchBytes()).isGreaterThanOrEqualTo(0);
      }
    }
  }

  /** In groups, with gaps, biases and unequal sides, transposed, and with every activation. */
  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"FP32", "BF16"})
  void everyKindOfConvolutionPlans(Precision precision) {
    Set<List<Object>> seen = new HashSet<>();
    for (OpCase.Kind kind :
        List.of(
            OpCase.Kind.CONV,
            OpCase.Kind.FOLDED_CONV,
            OpCase.Kind.CONV_TRANSPOSE,
            OpCase.Kind.ACTIVATION)) {
      for (OpCase op : kind.cases()) {
        OpSpec spec = op.spec().apply(precision.activation());
        boolean complete = spec.pass() == Pass.INFERENCE || spec.gradients().size() > 1;
        if (complete && spec.macs() > 0 && seen.add(List.of(spec.op(), spec.tail(), spec.pass()))) {
          assertThat(backend.supports(spec)).as("%s", spec).isEqualTo(Support.yes());
          assertThat(backend.choices(spec)).as("engines of %s", spec).isNotEmpty();
        }
      }
    }
    assertThat(seen).hasSizeGreaterThan(100);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a100", "h100", "b200", "l4", "rtx4090"})
  void otherDevicesPlan(String name) {
    try (GpuBackend other = GpuBackend.planning(DeviceDescription.of(name), TestBackends.gpu())) {
      CompileOptions options = CompileOptions.training(32, 224, Fixture.NORMALIZATION);
      for (NamedSpec named :
          Executable.specs(Architecture.of("resnet18").graph(1000), options, Precision.BF16)) {
        if (named.spec().op() instanceof Conv2d) {
          assertThat(other.choices(named.spec())).as("engines of %s", named).isNotEmpty();
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {80, 89, 90, 100, 120})
  void kernelsCompileWithoutSpills(int architecture) {
    KernelProgram.Compiled compiled = Kernels.compile(architecture);
    assertThat(compiled.cubin()).startsWith(0x7f, 'E', 'L', 'F');
    List<String> stacks =
        compiled.log().lines().filter(line -> line.contains("spill")).distinct().toList();
    assertThat(stacks)
        .isNotEmpty()
        .allMatch(line -> line.contains("0 bytes spill stores, 0 bytes spill loads"));
  }

  @Test
  void refusesToRunWithoutADevice() {
    assertThatThrownBy(() -> backend.allocate("a test", 16))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("planning");
  }
}
