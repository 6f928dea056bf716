package org.jresnet.backend.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jresnet.backend.ForwardingBackend;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Phase;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.backend.TensorSpec;
import org.jresnet.backend.gpu.Traffic.Part;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Executable.NamedSpec;
import org.jresnet.engine.NetworkOps;
import org.jresnet.graph.Graph;
import org.jresnet.models.Architecture;
import org.jresnet.testing.Fixture;
import org.junit.jupiter.api.Test;

/** Predicted traffic against numbers that were counted by hand, from the extents of the layers. */
class TrafficTest {
  private static final int BATCH = 256;
  private static final Graph GRAPH = Architecture.of("resnet50").graph(1000);

  private static List<NamedSpec> specs(boolean training) {
    CompileOptions options =
        training
            ? CompileOptions.training(BATCH, 224, Fixture.NORMALIZATION)
            : CompileOptions.inference(BATCH, 224, Fixture.NORMALIZATION);
    return Executable.specs(GRAPH, options, Precision.BF16);
  }

  private static Map<Part, Double> gigabytes(boolean training) {
    List<OpSpec> specs = specs(training).stream().map(NamedSpec::spec).toList();
    Map<Part, Double> sums = new EnumMap<>(Part.class);
    Traffic.ofStep(specs, Traffic::of, training ? GRAPH.parameterCount() : 0)
        .forEach(t -> sums.merge(t.part(), t.bytes() / 1e9, Double::sum));
    return sums;
  }

  private static List<Traffic> of(String name) {
    return Traffic.of(
        specs(true).stream()
            .filter(spec -> spec.name().equals(name))
            .findFirst()
            .orElseThrow()
            .spec());
  }

  @Test
  void aConvolutionCountsEachTensorOncePerDirection() {
    long x = 2L * BATCH * 56 * 56 * 64;
    long y = 2L * BATCH * 56 * 56 * 256;
    long weights = 64 * 256;
    long flops = 2L * BATCH * 56 * 56 * weights;
    assertThat(of("layer1.0.conv3"))
        .containsExactly(
            new Traffic(Part.WEIGHTS, 6 * weights, 0),
            new Traffic(Part.CONVOLUTION, x + 2 * weights + y, flops),
            new Traffic(Part.CONVOLUTION, x + 2 * weights + y, flops),
            new Traffic(Part.CONVOLUTION, x + 2 * weights + y, flops),
            new Traffic(Part.WEIGHTS, 6 * weights, 0));
  }

  @Test
  void theStemHasNoGradientOfTheImages() {
    assertThat(of("conv1").stream().filter(t -> t.part() == Part.CONVOLUTION)).hasSize(2);
  }

  @Test
  void aNormReadsTwice() {
    long elements = (long) BATCH * 56 * 56 * 256;
    long tensor = 2 * elements;
    long mask = elements / 8;
    assertThat(of("layer1.1.bn3"))
        .containsExactly(
            new Traffic(Part.NORM_FORWARD, 4 * tensor + mask, 0),
            new Traffic(Part.NORM_BACKWARD, 6 * tensor + 2 * mask, 0));
    assertThat(of("layer1.0.downsample.1"))
        .containsExactly(
            new Traffic(Part.NORM_FORWARD, 3 * tensor, 0),
            new Traffic(Part.NORM_BACKWARD, 5 * tensor, 0));
  }

  @Test
  void aNormThatGetsSumsReadsOnceInForward() {
    OpSpec norm =
        specs(true).stream()
            .filter(spec -> spec.name().equals("layer1.1.bn3"))
            .findFirst()
            .orElseThrow()
            .spec();
    List<TensorSpec> inputs = List.of(norm.inputs().get(0).withSums(), norm.inputs().get(1));
    List<Traffic> own = Traffic.ofNorm(norm);
    List<Traffic> summed =
        Traffic.ofNorm(
            new OpSpec(
                norm.op(),
                norm.tail(),
                inputs,
                norm.output(),
                norm.mode(),
                norm.pass(),
                norm.gradients()));
    assertThat(own.get(0).bytes() - summed.get(0).bytes()).isEqualTo(2L * BATCH * 56 * 56 * 256);
    assertThat(summed.get(1)).isEqualTo(own.get(1));
  }

  /** As {@code --fusion M} computes it where cuDNN has all engines. */
  private static List<NamedSpec> fused() {
    return NetworkOps.of(
        GRAPH,
        CompileOptions.training(BATCH, 224, Fixture.NORMALIZATION),
        Precision.FP16,
        new ForwardingBackend(new ReferenceBackend()) {
          @Override
          public Support fuses(OpSpec spec) {
            return Support.yes();
          }
        });
  }

  @Test
  void aConvolutionThatComputesTheNormBeforeItReadsItsInputThreeTimesMore() {
    OpSpec spec =
        fused().stream()
            .filter(named -> named.name().equals("layer2.0.bn1"))
            .findFirst()
            .orElseThrow()
            .spec();
    assertThat(spec.kind()).isEqualTo("norm+relu+conv");
    // 128 channels; the convolution halves 56x56 pixels.
    long x = 2L * BATCH * 56 * 56 * 128;
    long y = 2L * BATCH * 28 * 28 * 128;
    long weights = 9 * 128 * 128;
    long flops = 2L * BATCH * 28 * 28 * 128 * 9 * 128;
    assertThat(Traffic.of(spec))
        .containsExactly(
            new Traffic(Part.WEIGHTS, 6 * weights, 0),
            new Traffic(Part.CONVOLUTION, x + 2 * weights + y, flops),
            new Traffic(Part.CONVOLUTION, x + y + 2 * weights, flops),
            new Traffic(Part.WEIGHTS, 6 * weights, 0),
            new Traffic(Part.CONVOLUTION, y + 2 * weights + 2 * x, flops),
            new Traffic(Part.NORM_BACKWARD, 3 * x, 0));
  }

  /**
   * Two of the three norms of each block move nothing in forward and three tensors in backward; the
   * others read their input once in forward.
   */
  @Test
  void resnet50WithFusedMainLoopsIsWhatTheLayersAddUpTo() {
    Map<Part, Double> gb = new EnumMap<>(Part.class);
    Traffic.ofStep(fused().stream().map(NamedSpec::spec).toList(), Traffic::of, 1)
        .forEach(t -> gb.merge(t.part(), t.bytes() / 1e9, Double::sum));
    double within = 0;
    double others = 64 * 112 * 112;
    double masks = others;
    double residuals = 0;
    int[] blocks = {3, 4, 6, 3};
    int side = 56;
    for (int stage = 0; stage < 4; stage++) {
      double width = 64 << stage;
      for (int block = 0; block < blocks[stage]; block++) {
        double narrow = width * side * side;
        within += narrow + (block == 0 && stage > 0 ? 4 * narrow : narrow);
        others += 4 * narrow + (block == 0 ? 4 * narrow : 0);
        masks += 4 * narrow;
        residuals += 4 * narrow;
      }
      side /= 2;
    }
    double scale = BATCH * 2 / 1e9;
    assertThat(gb.get(Part.NORM_FORWARD))
        .isCloseTo(scale * (2 * others + residuals + masks / 16), within(1e-6));
    assertThat(gb.get(Part.NORM_BACKWARD))
        .isCloseTo(scale * (3 * within + 5 * others + residuals + 2 * masks / 16), within(1e-6));
  }

  /** The elements of 53 norms, 16 residuals and 16 blocks' inputs, times the passes over each. */
  @Test
  void resnet50InTrainingIsWhatTheLayersAddUpTo() {
    Map<Part, Double> gb = gigabytes(true);
    double norms = 0;
    double masks = 0;
    double residuals = 0;
    double inputs = 0;
    int[] blocks = {3, 4, 6, 3};
    double stem = 64 * 112 * 112;
    norms += stem;
    masks += stem;
    int side = 56;
    double before = 64 * 56 * 56;
    for (int stage = 0; stage < 4; stage++) {
      double width = 64 << stage;
      for (int block = 0; block < blocks[stage]; block++) {
        boolean halves = block == 0 && stage > 0;
        double narrow = width * side * side;
        // v1.5: the 3x3 convolution halves the image.
        double first = halves ? 4 * narrow : narrow;
        norms += first + narrow + 4 * narrow + (block == 0 ? 4 * narrow : 0);
        masks += first + narrow + 4 * narrow;
        residuals += 4 * narrow;
        inputs += before;
        before = 4 * narrow;
      }
      side /= 2;
    }
    double scale = BATCH * 2 / 1e9;
    assertThat(gb.get(Part.NORM_FORWARD))
        .isCloseTo(scale * (3 * norms + residuals + masks / 16), within(1e-6));
    assertThat(gb.get(Part.NORM_BACKWARD))
        .isCloseTo(scale * (5 * norms + residuals + 2 * masks / 16), within(1e-6));
    assertThat(gb.get(Part.GRADIENT_SUM)).isCloseTo(scale * 3 * inputs, within(1e-6));
    assertThat(gb.get(Part.OPTIMIZER)).isCloseTo(25_557_032 * 8 * 4 / 1e9, within(1e-6));
    assertThat(gb.get(Part.INPUT)).isCloseTo(BATCH * 224 * 224 * 3 * 3 / 1e9, within(1e-6));
  }

  @Test
  void inferenceHasNoBackward() {
    assertThat(gigabytes(false).keySet())
        .isEqualTo(Set.of(Part.CONVOLUTION, Part.INPUT, Part.OTHER));
  }

  @Test
  void timeIsTheLargerOfMovingAndComputing() {
    Traffic t = new Traffic(Part.CONVOLUTION, 1000, 500);
    assertThat(t.seconds(100, 100)).isEqualTo(10);
    assertThat(t.seconds(1000, 100)).isEqualTo(5);
  }

  @Test
  void callsOfAProfileFindTheirPart() {
    assertThat(Part.of("conv", Phase.FORWARD, "reorder")).isEqualTo(Part.WEIGHTS);
    assertThat(Part.of("conv", Phase.BACKWARD, "add")).isEqualTo(Part.GRADIENT_SUM);
    assertThat(Part.of("conv", Phase.BACKWARD, "backward data")).isEqualTo(Part.CONVOLUTION);
    assertThat(Part.of("recomputed norm", Phase.FORWARD, "batch norm"))
        .isEqualTo(Part.NORM_FORWARD);
    assertThat(Part.of("norm", Phase.BACKWARD, "normBackward")).isEqualTo(Part.NORM_BACKWARD);
    assertThat(Part.of("conv", Phase.FORWARD, "normApply")).isEqualTo(Part.NORM_FORWARD);
    assertThat(Part.of("norm", Phase.FORWARD, "forward")).isEqualTo(Part.CONVOLUTION);
    assertThat(Part.of("norm", Phase.BACKWARD, "backward data")).isEqualTo(Part.CONVOLUTION);
    assertThat(Part.of("conv", Phase.BACKWARD, "batch norm backward"))
        .isEqualTo(Part.NORM_BACKWARD);
    assertThat(Part.of("maxpool", Phase.FORWARD, "max pool")).isEqualTo(Part.OTHER);
    assertThat(List.of(Part.values()).stream().map(Part::text).collect(Collectors.toSet()))
        .hasSize(Part.values().length);
  }
}
