package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jresnet.check.Specs;
import org.jresnet.check.Specs.Activation;
import org.jresnet.check.Specs.Residual;
import org.jresnet.check.Specs.Window;
import org.jresnet.graph.Axis;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Convolutions on bytes against their definition, computed in double precision. */
class QuantizedConvTest {
  private static final QuantParams UNSIGNED = new QuantParams(DType.U8, 0.013);
  private static final QuantParams SIGNED = new QuantParams(DType.I8, 0.021);

  private static final double RANGE = 2.5;

  static Stream<OpSpec> convs() {
    List<OpSpec> all = new ArrayList<>();
    for (Window window :
        List.of(
            new Window(1, 1, 0), new Window(1, 2, 0), new Window(3, 1, 1), new Window(3, 2, 1))) {
      Conv2d deep = Specs.conv2d(32, 48, window);
      for (QuantParams in : List.of(UNSIGNED, SIGNED)) {
        for (Optional<QuantParams> residual :
            List.of(Optional.<QuantParams>empty(), Optional.of(UNSIGNED), Optional.of(SIGNED))) {
          all.add(conv(new Shape(2, 7, 9, 32), deep, Activation.RELU, in, residual));
        }
        Conv2d shallow = Specs.conv2d(8, 24, window);
        all.add(conv(new Shape(1, 6, 5, 8), shallow, Activation.NONE, in, Optional.empty()));
      }
    }
    Conv2d stem = new Conv2d(3, 64, 7, 2, 3);
    all.add(conv(new Shape(2, 17, 23, 3), stem, Activation.RELU, SIGNED, Optional.empty()));
    Axis three = new Axis(3, 1, 1);
    Axis one = new Axis(1, 1, 0);
    for (Conv2d conv :
        List.of(
            new Conv2d(32, 64, 3, 1, 1).grouped(8),
            new Conv2d(32, 32, 3, 2, 1).grouped(2).biased(),
            new Conv2d(32, 32, 3, 1, 1).grouped(32),
            new Conv2d(32, 32, 5, 2, 2).grouped(32).biased(),
            // Neither four filters nor four channels of a group lie side by side.
            new Conv2d(32, 16, 3, 1, 1).grouped(8),
            new Conv2d(12, 8, 3, 1, 1).grouped(4),
            new Conv2d(18, 18, 3, 1, 1).grouped(18),
            new Conv2d(24, 40, 3, 1, 1),
            new Conv2d(32, 16, 3, 1, 2).dilated(2),
            new Conv2d(32, 16, one, three).biased())) {
      for (QuantParams in : List.of(UNSIGNED, SIGNED)) {
        Shape x = new Shape(2, 7, 9, conv.c());
        all.add(conv(x, conv, Activation.RELU, in, Optional.of(SIGNED)));
        all.add(conv(new Shape(1, 8, 6, conv.c()), conv, Activation.NONE, in, Optional.empty()));
      }
    }
    for (Conv2d conv :
        List.of(
            new Conv2d(32, 48, 3, 1, 1),
            new Conv2d(32, 48, 1, 1, 0),
            new Conv2d(32, 32, 3, 1, 1).grouped(32))) {
      Shape x = new Shape(2, 7, 9, 32);
      for (Activation activation : Activation.values()) {
        all.add(conv(x, conv, activation, UNSIGNED, Optional.of(SIGNED)));
        all.add(conv(x, conv, activation, SIGNED, Optional.of(SIGNED)));
      }
      // The 6 is a byte among others.
      QuantParams beyond = QuantParams.of(8, false);
      all.add(conv(x, conv, Activation.RELU6, UNSIGNED, Optional.of(UNSIGNED), beyond));
    }
    return all.stream();
  }

  private static OpSpec conv(
      Shape x, Conv2d conv, Activation activation, QuantParams in, Optional<QuantParams> residual) {
    boolean signed = !activation.op().map(Op::nonNegative).orElse(false);
    return conv(x, conv, activation, in, residual, QuantParams.of(range(activation), signed));
  }

  private static OpSpec conv(
      Shape x,
      Conv2d conv,
      Activation activation,
      QuantParams in,
      Optional<QuantParams> residual,
      QuantParams out) {
    // The same in floating point, with the integers' scales.
    OpSpec real =
        Specs.foldedConv(
            x,
            conv,
            DType.F32,
            1e-5,
            residual.isPresent() ? Residual.ADD : Residual.NONE,
            activation);
    List<TensorSpec> inputs = new ArrayList<>(List.of(new TensorSpec(x, in)));
    residual.ifPresent(r -> inputs.add(new TensorSpec(real.y(), r)));
    return new OpSpec(
        real.op(),
        real.tail(),
        inputs,
        new TensorSpec(real.y(), out),
        real.mode(),
        real.pass(),
        Map.of());
  }

  /** The larger half of sigmoids' outputs, and of the others' tails, leaves it. */
  private static double range(Activation activation) {
    return switch (activation) {
      case SIGMOID, HARD_SIGMOID -> 0.75;
      default -> RANGE;
    };
  }

  @ParameterizedTest
  @MethodSource("convs")
  void onTheCpu(OpSpec spec) {
    if (cpu == null) {
      cpu = BytesRun.open("cpu");
    }
    computes(cpu, spec);
  }

  @ParameterizedTest
  @MethodSource("convs")
  void onTheGpu(OpSpec spec) {
    if (gpu == null) {
      gpu = BytesRun.open("gpu");
    }
    computes(gpu, spec);
  }

  private static void computes(Backend backend, OpSpec spec) {
    Random random = new Random(spec.toString().hashCode());
    int channels = spec.y().c();
    int taps = spec.x().c() / window(spec).groups() * window(spec).taps();
    byte[] x = BytesRun.bytes(random, spec.x(), in(spec));
    byte[] y = BytesRun.bytes(random, spec.y(), residual(spec).orElse(out(spec)));
    Map<Slot, float[]> parameters = new TreeMap<>();
    // Sums of many taps have a deviation that fills the output's range and leaves it, too.
    parameters.put(Slot.WEIGHT, floats(random, channels * taps, -1, 1, Math.sqrt(taps) / 1.5));
    if (window(spec).bias() == Conv2d.Bias.PER_CHANNEL) {
      parameters.put(Slot.BIAS, floats(random, channels, -0.5, 0.5, 1));
    }
    parameters.put(Slot.GAMMA, floats(random, channels, 0.5, 1.5, 1));
    parameters.put(Slot.BETA, floats(random, channels, -0.5, 0.5, 1));
    parameters.put(Slot.RUNNING_MEAN, floats(random, channels, -0.5, 0.5, 1));
    parameters.put(Slot.RUNNING_VAR, floats(random, channels, 0.5, 2, 1));
    double[] expected = definition(spec, x, y, parameters);
    byte[] actual = BytesRun.run(backend, spec, Map.of(Slot.X, x, Slot.Y, y), parameters);
    int saturated = 0;
    for (int i = 0; i < expected.length; i++) {
      int rounded = out(spec).integer(expected[i]);
      int found = BytesRun.value(actual[i], out(spec));
      // Single precision may fall on the other side of a half.
      double distance = Math.abs(expected[i] / out(spec).scale() - found);
      assertThat(found == rounded || distance < 0.5 + 1e-3)
          .as("element %d: expected %s, found %d", i, expected[i] / out(spec).scale(), found)
          .isTrue();
      boolean clipped = expected[i] == 6 && out(spec).scale() * limit(out(spec)) > 6;
      boolean beyond = Math.abs(expected[i]) > out(spec).scale() * limit(out(spec));
      saturated += clipped || beyond ? 1 : 0;
    }
    assertThat(saturated).as("elements beyond the range").isBetween(1, expected.length / 2);
  }

  private static Conv2d window(OpSpec spec) {
    return (Conv2d) spec.op();
  }

  private static int limit(QuantParams stored) {
    return stored.type() == DType.U8 ? 255 : 127;
  }

  private static QuantParams in(OpSpec spec) {
    return spec.inputs().get(0).quant().orElseThrow();
  }

  private static Optional<QuantParams> residual(OpSpec spec) {
    return spec.adds() ? spec.inputs().get(1).quant() : Optional.empty();
  }

  private static QuantParams out(OpSpec spec) {
    return spec.output().quant().orElseThrow();
  }

  private static float[] floats(Random random, int count, double low, double high, double divisor) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) ((low + (high - low) * random.nextDouble()) / divisor);
    }
    return values;
  }

  private static double[] definition(
      OpSpec spec, byte[] x, byte[] y, Map<Slot, float[]> parameters) {
    Shape in = spec.x();
    Shape out = spec.y();
    Conv2d w = window(spec);
    int seen = in.c() / w.groups();
    int taps = seen * w.taps();
    double[] result = new double[Math.toIntExact(out.elements())];
    for (int at = 0; at < result.length; at++) {
      int k = at % out.c();
      int column = at / out.c() % out.w();
      int row = at / out.c() / out.w() % out.h();
      int n = at / out.c() / out.w() / out.h();
      double fold =
          parameters.get(Slot.GAMMA)[k]
              / Math.sqrt(
                  parameters.get(Slot.RUNNING_VAR)[k]
                      + ((Op.BatchNorm) spec.part(Op.Part.NORM).orElseThrow()).eps());
      double largest = 0;
      for (int t = 0; t < taps; t++) {
        largest = Math.max(largest, Math.abs(folded(parameters, fold, k * taps + t)));
      }
      long sum = 0;
      for (int c = 0; c < seen; c++) {
        for (int r = 0; r < w.rows().size(); r++) {
          for (int s = 0; s < w.columns().size(); s++) {
            int h = row * w.rows().stride() - w.rows().padding() + r * w.rows().dilation();
            int v =
                column * w.columns().stride() - w.columns().padding() + s * w.columns().dilation();
            if (h >= 0 && h < in.h() && v >= 0 && v < in.w()) {
              int weight = k * taps + (c * w.rows().size() + r) * w.columns().size() + s;
              int channel = k / (out.c() / w.groups()) * seen + c;
              sum +=
                  (long) Math.rint(folded(parameters, fold, weight) / (largest / 127))
                      * BytesRun.value(
                          x[((n * in.h() + h) * in.w() + v) * in.c() + channel], in(spec));
            }
          }
        }
      }
      double bias = parameters.containsKey(Slot.BIAS) ? parameters.get(Slot.BIAS)[k] : 0;
      double value =
          sum * in(spec).scale() * (largest / 127)
              + parameters.get(Slot.BETA)[k]
              + (bias - parameters.get(Slot.RUNNING_MEAN)[k]) * fold;
      if (residual(spec).isPresent()) {
        QuantParams residual = residual(spec).get();
        value += BytesRun.value(y[at], residual) * residual.scale();
      }
      result[at] = spec.activation().isPresent() ? activate(spec.activation().get(), value) : value;
    }
    return result;
  }

  private static double activate(org.jresnet.graph.Activation f, double x) {
    double clipped = Math.min(Math.max(x / 6 + 0.5, 0), 1);
    return switch (f.function()) {
      case RELU -> Math.max(x, 0);
      case RELU6 -> Math.min(Math.max(x, 0), 6);
      case LEAKY_RELU -> x < 0 ? x * f.slope() : x;
      case SIGMOID -> (1 + Math.tanh(x / 2)) / 2;
      case SILU -> x * (1 + Math.tanh(x / 2)) / 2;
      case HARD_SWISH -> x * clipped;
      case HARD_SIGMOID -> clipped;
    };
  }

  /** In single precision, as the weights of a model are folded. */
  private static float folded(Map<Slot, float[]> parameters, double fold, int at) {
    return (float) (parameters.get(Slot.WEIGHT)[at] * fold);
  }

  private static Backend cpu;
  private static Backend gpu;

  @AfterAll
  static void close() {
    Stream.of(cpu, gpu).filter(Objects::nonNull).forEach(Backend::close);
  }
}
