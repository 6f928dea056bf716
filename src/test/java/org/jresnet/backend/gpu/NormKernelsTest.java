package org.jresnet.backend.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import org.jresnet.backend.Backend;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.check.Bound;
import org.jresnet.check.Comparison;
import org.jresnet.check.OpRun;
import org.jresnet.check.Specs;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Our batch norms on tensors large enough for slices of pixels and parts of the channels. */
class NormKernelsTest extends KernelTest {
  /** So little L2 cache that the largest tensor below goes in parts. */
  private static final DeviceLimits LIMITS =
      new DeviceLimits(3, 2048, 32, 65536, 232448, 600_000, 0);

  /** Means up to a hundred deviations away from zero, other statistics in each half. */
  private static Map<Slot, double[]> inputs(OpSpec spec) {
    Random random = new Random(11);
    Map<Slot, double[]> inputs = new HashMap<>();
    int c = spec.y().c();
    for (Slot slot :
        new Slot[] {
          Slot.X, Slot.RESIDUAL, Slot.DY, Slot.GAMMA, Slot.BETA, Slot.RUNNING_MEAN, Slot.RUNNING_VAR
        }) {
      if (slot == Slot.RESIDUAL && !spec.adds()) {
        continue;
      }
      boolean activation = slot == Slot.X || slot == Slot.RESIDUAL || slot == Slot.DY;
      double[] values = new double[activation ? (int) spec.y().elements() : c];
      for (int i = 0; i < values.length; i++) {
        double value = random.nextGaussian();
        if (slot == Slot.X) {
          value =
              0.5 * value + (i % c % 3 == 0 ? 50 : i % c % 3 - 1) + (i > values.length / 2 ? 1 : 0);
        } else if (slot == Slot.RUNNING_VAR) {
          value = 0.5 + value * value;
        }
        values[i] = OpRun.round(value, activation ? spec.type() : DType.F32);
      }
      inputs.put(slot, values);
    }
    return inputs;
  }

  private static Function<DType, OpSpec> norm(Shape shape, Mode mode, Specs.Residual residual) {
    return type ->
        Specs.norm(
            shape,
            1e-5,
            0.1,
            type,
            Pass.TRAINING,
            mode,
            residual,
            Specs.Activation.RELU,
            GradientWrite.OVERWRITE,
            GradientWrite.OVERWRITE);
  }

  @ParameterizedTest
  @CsvSource({
    "F32, 256, TRAIN, ADD", "F32, 37, TRAIN, ADD", "F32, 256, TRAIN, NONE",
        "F32, 40, EVALUATE, ADD",
    "BF16, 256, TRAIN, ADD", "BF16, 37, TRAIN, NONE", "BF16, 256, EVALUATE, NONE",
        "BF16, 40, TRAIN, ADD",
    "F16, 256, TRAIN, NONE", "F16, 37, EVALUATE, ADD", "F16, 40, TRAIN, ADD"
  })
  void largeNormsAreTheReferencesAndRepeatBitByBit(
      DType type, int channels, Mode mode, Specs.Residual residual) {
    Function<DType, OpSpec> specs = norm(new Shape(3, 17, 19, channels), mode, residual);
    OpSpec spec = specs.apply(type);
    Map<Slot, double[]> inputs = inputs(spec);
    try (Backend host = new HostDevice(LIMITS);
        Backend reference = new ReferenceBackend()) {
      Map<Slot, double[]> expected = OpRun.run(reference, specs.apply(DType.F64), inputs, Map.of());
      Map<Slot, double[]> actual = OpRun.run(host, spec, inputs, Map.of());
      // As the contract's, but for dx in single precision, where the mean is a hundred deviations
      // from zero.
      double bound = type == DType.F32 ? 5e-6 : type == DType.F16 ? 2e-3 : 1e-2;
      assertThat(actual.keySet()).isEqualTo(expected.keySet()).contains(Slot.DX, Slot.DGAMMA);
      actual.forEach(
          (slot, values) ->
              assertThat(
                      new Bound.Norm(bound)
                          .compare(
                              slot.name(), OpRun.extents(spec, slot), values, expected.get(slot)))
                  .matches(Comparison::ok));
      Map<Slot, double[]> again = OpRun.run(host, spec, inputs, Map.of());
      again.forEach(
          (slot, values) -> assertThat(values).as("%s", slot).isEqualTo(actual.get(slot)));
    }
  }

  /** By sums that come with the input, where means are small; the same statistics come out. */
  @ParameterizedTest
  @CsvSource({"BF16, 40", "F16, 256"})
  void normsOfSumsAreTheReferences(DType type, int channels) {
    Function<DType, OpSpec> specs =
        norm(new Shape(3, 17, 19, channels), Mode.TRAIN, Specs.Residual.ADD);
    OpSpec alone = specs.apply(type);
    OpSpec spec =
        new OpSpec(
            alone.op(),
            alone.tail(),
            List.of(alone.inputs().get(0).withSums(), alone.inputs().get(1)),
            alone.output(),
            alone.mode(),
            alone.pass(),
            alone.gradients());
    Map<Slot, double[]> inputs = inputs(alone);
    double[] sums = new double[2 * channels];
    double[] x = inputs.get(Slot.X);
    for (int i = 0; i < x.length; i++) {
      int c = i % channels;
      // inputs() puts each third channel far from zero.
      x[i] = c % 3 == 0 ? OpRun.round(x[i] - 50, type) : x[i];
      sums[c] += x[i];
      sums[channels + c] += x[i] * x[i];
    }
    try (Backend host = new HostDevice(LIMITS);
        Backend reference = new ReferenceBackend()) {
      Map<Slot, double[]> expected = OpRun.run(reference, specs.apply(DType.F64), inputs, Map.of());
      inputs.put(Slot.X_SUMS, sums);
      Map<Slot, double[]> actual = OpRun.run(host, spec, inputs, Map.of());
      expected.forEach(
          (slot, values) ->
              assertThat(
                      new Bound.Norm(type == DType.F16 ? 2e-3 : 1e-2)
                          .compare(
                              slot.name(), OpRun.extents(spec, slot), actual.get(slot), values))
                  .matches(Comparison::ok));
    }
  }

  @Test
  void partsStayInHalfOfTheCacheAndHaveWholeLines() {
    ChannelTiles tiles = new ChannelTiles(LIMITS, DType.BF16, 256, 969);
    assertThat(tiles.channels(1)).isEqualTo(128);
    assertThat(tiles.channels(2)).isEqualTo(64);
    assertThat(tiles.parts(64)).hasSize(4).last().isEqualTo(new ChannelTiles.Part(192, 64));
    // 969 pixels of 64 channels in single precision, 248 KB, are a part; in two tensors a line is
    // too much.
    assertThat(new ChannelTiles(LIMITS, DType.F32, 256, 969).channels(1)).isEqualTo(64);
    assertThat(new ChannelTiles(LIMITS, DType.F32, 256, 9690).channels(1)).isEqualTo(256);
    DeviceLimits slow = new DeviceLimits(3, 2048, 32, 65536, 232448, 600_000, 1_000_000);
    assertThat(new ChannelTiles(slow, DType.BF16, 256, 969).channels(1)).isEqualTo(256);
  }
}
