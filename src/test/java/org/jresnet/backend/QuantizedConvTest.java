package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jresnet.check.OpRun;
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
import org.jresnet.testing.TestBackends;
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
            new Conv2d(32, 16, 3, 1, 2).dilated(2),
            new Conv2d(32, 16, one, three).biased())) {
      for (QuantParams in : List.of(UNSIGNED, SIGNED)) {
        all.add(conv(new Shape(2, 7, 9, 32), conv, Activation.RELU, in, Optional.of(SIGNED)));
        all.add(conv(new Shape(1, 8, 6, 32), conv, Activation.NONE, in, Optional.empty()));
      }
    }
    return all.stream();
  }

  private static OpSpec conv(
      Shape x, Conv2d conv, Activation activation, QuantParams in, Optional<QuantParams> residual) {
    boolean signed = !activation.op().map(Op::nonNegative).orElse(false);
    QuantParams out = QuantParams.of(range(activation), signed);
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
      cpu = int8("cpu");
    }
    computes(cpu, spec);
  }

  @ParameterizedTest
  @MethodSource("convs")
  void onTheGpu(OpSpec spec) {
    if (gpu == null) {
      gpu = int8("gpu");
    }
    computes(gpu, spec);
  }

  private static void computes(Backend backend, OpSpec spec) {
    Random random = new Random(spec.toString().hashCode());
    int channels = spec.y().c();
    int taps = spec.x().c() / window(spec).groups() * window(spec).taps();
    byte[] x = bytes(random, spec.x(), in(spec));
    byte[] y = bytes(random, spec.y(), residual(spec).orElse(out(spec)));
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
    byte[] actual = run(backend, spec, x, y, parameters);
    int saturated = 0;
    for (int i = 0; i < expected.length; i++) {
      int rounded = out(spec).integer(expected[i]);
      int found = value(actual[i], out(spec));
      // Single precision may fall on the other side of a half.
      double distance = Math.abs(expected[i] / out(spec).scale() - found);
      assertThat(found == rounded || distance < 0.5 + 1e-3)
          .as("element %d: expected %s, found %d", i, expected[i] / out(spec).scale(), found)
          .isTrue();
      saturated += Math.abs(expected[i]) > out(spec).scale() * limit(out(spec)) ? 1 : 0;
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

  private static byte[] bytes(Random random, Shape shape, QuantParams stored) {
    byte[] bytes = new byte[Math.toIntExact(shape.elements())];
    random.nextBytes(bytes);
    if (stored.type() == DType.I8) {
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] = (byte) Math.max(-127, bytes[i]);
      }
    }
    return bytes;
  }

  private static float[] floats(Random random, int count, double low, double high, double divisor) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) ((low + (high - low) * random.nextDouble()) / divisor);
    }
    return values;
  }

  private static int value(byte stored, QuantParams as) {
    return as.type() == DType.U8 ? stored & 255 : stored;
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
                      * value(x[((n * in.h() + h) * in.w() + v) * in.c() + channel], in(spec));
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
        value += value(y[at], residual) * residual.scale();
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

  private static Backend int8(String name) {
    Backend backend = TestBackends.open(name);
    if (backend.supports(Precision.INT8) instanceof Support.No no) {
      backend.close();
      assumeTrue(false, no.reason());
    }
    return backend;
  }

  @AfterAll
  static void close() {
    Stream.of(cpu, gpu).filter(Objects::nonNull).forEach(Backend::close);
  }

  /** On a GPU bytes from 0 to 255 are kept 128 lower, which is their highest bit the other way. */
  private static byte[] kept(Backend backend, byte[] bytes, QuantParams as) {
    byte[] kept = bytes.clone();
    for (int i = 0; i < kept.length; i++) {
      kept[i] ^= (byte) (backend == gpu && as.type() == DType.U8 ? 128 : 0);
    }
    return kept;
  }

  private static byte[] run(
      Backend backend, OpSpec spec, byte[] x, byte[] y, Map<Slot, float[]> parameters) {
    try (OpPlan plan = backend.plan(spec)) {
      Map<Slot, Long> sizes = new TreeMap<>(OpRun.extras(plan));
      sizes.put(Slot.X, (long) x.length);
      sizes.put(Slot.Y, (long) y.length);
      parameters.forEach((slot, values) -> sizes.put(slot, 4L * values.length));
      long total = sizes.values().stream().mapToLong(s -> (s + 255) / 256 * 256).sum();
      try (Buffer memory = backend.allocate("a test", total)) {
        Operands operands = new Operands();
        long offset = 0;
        for (Map.Entry<Slot, Long> e : sizes.entrySet()) {
          boolean floats = parameters.containsKey(e.getKey());
          operands.with(
              e.getKey(),
              new Tensor(
                  memory,
                  offset,
                  floats ? DType.F32 : DType.U8,
                  floats ? e.getValue() / 4 : e.getValue()));
          offset += (e.getValue() + 255) / 256 * 256;
        }
        parameters.forEach((slot, values) -> operands.get(slot).set(values));
        memory.write(operands.get(Slot.X).offset(), ByteBuffer.wrap(kept(backend, x, in(spec))));
        memory.write(
            operands.get(Slot.Y).offset(),
            ByteBuffer.wrap(kept(backend, y, residual(spec).orElse(out(spec)))));
        if (spec.adds()) {
          operands.with(Slot.RESIDUAL, operands.get(Slot.Y));
        }
        try (BoundOp op = plan.bind(operands)) {
          op.prepare();
          OpRun.poison(operands);
          op.forward();
        }
        byte[] out = new byte[y.length];
        memory.read(operands.get(Slot.Y).offset(), ByteBuffer.wrap(out));
        return kept(backend, out, out(spec));
      }
    }
  }
}
