package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;
import static org.jresnet.engine.GpuSteps.GRAPH;
import static org.jresnet.engine.GpuSteps.IMAGES;
import static org.jresnet.engine.GpuSteps.open;
import static org.jresnet.engine.GpuSteps.openAnew;
import static org.jresnet.engine.GpuSteps.train;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.jresnet.backend.Backend;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Tuning;
import org.jresnet.backend.gpu.CudnnOptions;
import org.jresnet.backend.gpu.Form;
import org.jresnet.backend.gpu.GpuBackend;
import org.jresnet.check.Specs;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.models.Architecture;
import org.jresnet.testing.Fixture;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What convolutions and norms compute of each other on a GPU, in whole steps. */
class GpuFusionTest {
  @TempDir Path folder;

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
    GpuSteps.Trace apart;
    try (Backend backend = open(CudnnOptions.Launch.GRAPH, 1, CudnnOptions.Fusion.C)) {
      apart = train(backend, precision, 1, factor);
    }
    try (Backend backend = open(CudnnOptions.Launch.GRAPH, 1, CudnnOptions.Fusion.G)) {
      for (Executable.NamedSpec named : ops(GRAPH, precision, backend)) {
        OpSpec spec = named.spec();
        assertThat(spec.output().summed()).as("%s", named).isEqualTo(spec.op() instanceof Conv2d);
        assertThat(spec.inputs().get(0).summed())
            .as("%s", named)
            .isEqualTo(spec.op() instanceof Op.BatchNorm);
      }
      requireAlike(train(backend, precision, 1, factor), apart);
    }
  }

  private static List<Executable.NamedSpec> ops(Graph graph, Precision precision, Backend backend) {
    return NetworkOps.of(graph, IMAGES.training(), precision, backend);
  }

  private static void requireAlike(GpuSteps.Trace together, GpuSteps.Trace apart) {
    assertThat(together.losses().get(0)).isCloseTo(apart.losses().get(0), withinPercentage(1));
    assertThat(together.norms().get(0)).isCloseTo(apart.norms().get(0), withinPercentage(3));
  }

  /** Two norms of each block are computed by the convolutions behind them, in fp16. */
  @Test
  void normsInMainLoopsAreTheNorms() {
    GpuSteps.Trace apart;
    try (Backend backend = open(CudnnOptions.Launch.GRAPH, 1, CudnnOptions.Fusion.C)) {
      apart = train(backend, Precision.FP16, 1, 128);
    }
    try (Backend backend = open(CudnnOptions.Launch.GRAPH, 1, CudnnOptions.Fusion.M)) {
      assertThat(ops(GRAPH, Precision.FP16, backend).stream().map(named -> named.spec().kind()))
          .filteredOn(kind -> kind.equals("norm+relu+conv"))
          .hasSize(32);
      requireAlike(train(backend, Precision.FP16, 1, 128), apart);
    }
  }

  /** Norms that nothing computes along are read once all the same, and why is known. */
  @Test
  void withoutEnginesForMainLoopsConvolutionsSumAlone() {
    try (Backend backend = open(CudnnOptions.Launch.CALLS, 1, CudnnOptions.Fusion.M)) {
      for (Executable.NamedSpec named : ops(GRAPH, Precision.BF16, backend)) {
        assertThat(named.spec().convolves()).as("%s", named).isFalse();
        assertThat(named.spec().output().summed())
            .as("%s", named)
            .isEqualTo(named.spec().op() instanceof Conv2d);
      }
      Map<String, List<String>> refusals =
          NetworkOps.refusals(GRAPH, IMAGES.training(), Precision.BF16, backend);
      assertThat(refusals)
          .hasSize(32)
          .containsEntry(
              "layer1.0.conv2",
              List.of("a norm goes with the convolution behind it in fp16 alone"));
    }
  }

  /** With few channels, in single precision and frozen: as without the option, and said so. */
  @Test
  void convolutionsThatCannotSumAreComputedAlone() {
    Graph narrow = Architecture.of("resnet50").graph(10, 4);
    CompileOptions options = CompileOptions.training(2, 32, Fixture.NORMALIZATION);
    try (Backend backend = open(CudnnOptions.Launch.CALLS, 1, CudnnOptions.Fusion.G)) {
      Map<String, List<String>> refusals =
          NetworkOps.refusals(narrow, options, Precision.BF16, backend);
      for (Executable.NamedSpec named : NetworkOps.of(narrow, options, Precision.BF16, backend)) {
        if (named.spec().op() instanceof Conv2d) {
          boolean refused =
              refusals.getOrDefault(named.name(), List.of()).stream()
                  .anyMatch(why -> !why.equals(GpuBackend.UNASKED));
          assertThat(named.spec().output().summed()).as(named.name()).isNotEqualTo(refused);
        }
      }
      assertThat(refusals.get("conv1")).contains("8 does not divide its 4 channels");
      assertThat(NetworkOps.refusals(narrow, options, Precision.FP32, backend))
          .hasSize(53)
          .allSatisfy((name, why) -> assertThat(why).contains("only in bf16 and fp16"));
      assertThat(
              NetworkOps.refusals(
                      narrow,
                      options.withFrozen(Set.of("layer4.2.conv3.weight")),
                      Precision.BF16,
                      backend)
                  .get("layer4.2.conv3"))
          .contains("its weights are frozen");
    }
  }

  /** Filters of 53 convolutions, and their gradients; in single precision 1x1 filters stay. */
  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"FP32", "BF16"})
  void filtersOfAllLayersMoveInTwoLaunches(Precision precision) {
    try (Backend backend = TestBackends.open("gpu");
        Model model = new Model(GRAPH, backend, precision);
        Executable step = Executable.compile(model, IMAGES.training())) {
      model.initialize(5, Model.BlockEnd.ONE);
      List<String> moves =
          step.calls(IMAGES.pixels(new Random(3)), new int[IMAGES.count()]).stream()
              .filter(named -> named.call().operation().equals("reorder"))
              .map(named -> named.node() + " " + named.call().phase())
              .toList();
      assertThat(moves).containsExactly("weights PREPARE", "weights FINISH");
    }
  }

  /** Whatever runs when, the same engines compute the same numbers in the same order. */
  @ParameterizedTest
  @CsvSource({"GRAPH, C, BF16", "CALLS, C, BF16", "GRAPH, G, BF16", "GRAPH, M, FP16"})
  void gradientsOfWeightsBesideTheRestAreTheSame(
      CudnnOptions.Launch launch, CudnnOptions.Fusion fusion, Precision precision) {
    GpuSteps.Trace one;
    try (Backend backend = open(launch, 1, fusion)) {
      one = train(backend, precision, 3, 1, IMAGES, GpuSteps.Copy.AHEAD);
    }
    try (Backend backend = open(launch, 2, fusion)) {
      GpuSteps.Trace two = train(backend, precision, 3, 1, IMAGES, GpuSteps.Copy.AHEAD);
      assertThat(two.losses()).doesNotContain(Double.NaN).isEqualTo(one.losses());
      assertThat(two.norms()).isEqualTo(one.norms());
      assertThat(two.parameters()).isEqualTo(one.parameters());
    }
  }

  /**
   * Each direction by itself; the times of a simulated GPU mean nothing, but the lower one wins.
   */
  @Test
  void aRaceTimesBothWaysOfANorm() {
    OpSpec norm =
        Specs.norm(
            new Shape(4, 16, 16, 32),
            1e-5,
            0.1,
            DType.BF16,
            Pass.TRAINING,
            Mode.TRAIN,
            Specs.Residual.ADD,
            Specs.Activation.RELU,
            GradientWrite.OVERWRITE,
            GradientWrite.OVERWRITE);
    try (GpuBackend backend = (GpuBackend) openAnew(Tuning.RACE, folder)) {
      List<Form> forms = backend.forms(norm);
      assertThat(forms)
          .extracting(Form::name)
          .containsExactly("engine", "kernels", "engine", "kernels");
      for (int i = 0; i < forms.size(); i += 2) {
        Form engine = forms.get(i);
        Form kernels = forms.get(i + 1);
        assertThat(engine.part()).isEqualTo(kernels.part());
        assertThat(engine.milliseconds()).isPositive();
        assertThat(kernels.milliseconds()).isPositive();
        assertThat(kernels.chosen())
            .as("%s", forms)
            .isEqualTo(kernels.milliseconds() < engine.milliseconds())
            .isNotEqualTo(engine.chosen());
      }
    }
  }
}
