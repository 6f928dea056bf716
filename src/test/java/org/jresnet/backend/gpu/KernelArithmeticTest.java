package org.jresnet.backend.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jresnet.backend.Backend;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.UpdateRule;
import org.jresnet.backend.reference.Loss;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.base.BFloat16;
import org.jresnet.base.Float16;
import org.jresnet.check.Bound;
import org.jresnet.check.Comparison;
import org.jresnet.check.OpCase;
import org.jresnet.check.OpRun;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Slot;
import org.jresnet.loss.Objective;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Our CUDA kernels, compiled as C++, against the reference backend. */
class KernelArithmeticTest {
  private final Random random = new Random(7);

  @BeforeAll
  static void compile() throws IOException, InterruptedException {
    HostKernels.assumeCompiled();
  }

  /** An op of the contract in one type. */
  record Run(DType type, OpCase op) {
    @Override
    public String toString() {
      return type + " " + op;
    }
  }

  static Stream<Run> ops() {
    return Stream.of(DType.F32, DType.BF16, DType.F16)
        .flatMap(
            type ->
                ofOwnKernels()
                    .filter(c -> writes(c.spec().apply(type)))
                    .map(c -> new Run(type, c)));
  }

  /** What the gpu backend computes, or can compute, with kernels of its own. */
  private static Stream<OpCase> ofOwnKernels() {
    return Stream.of(
            OpCase.Kind.NORM,
            OpCase.Kind.POINTWISE,
            OpCase.Kind.ACTIVATION,
            OpCase.Kind.MOVES,
            OpCase.Kind.FACTORS,
            OpCase.Kind.WINDOWS,
            OpCase.Kind.POOLS)
        .flatMap(kind -> kind.cases().stream())
        .filter(c -> !(op(c) instanceof Conv2d) && !(op(c) instanceof Op.MaxPool));
  }

  private static Op op(OpCase one) {
    return one.spec().apply(DType.F64).op();
  }

  /** The backend refuses to add to these. */
  private static boolean writes(OpSpec spec) {
    return !(spec.op() instanceof Op.BatchNorm)
        || !spec.gradients().containsValue(GradientWrite.ACCUMULATE);
  }

  @ParameterizedTest
  @MethodSource("ops")
  void opsComputeWhatTheReferenceComputes(Run run) {
    OpSpec spec = run.op.spec().apply(run.type);
    Map<Slot, double[]> inputs = run.op.values(run.type);
    try (Backend host = new HostDevice();
        Backend reference = new ReferenceBackend()) {
      Map<Slot, double[]> expected =
          new TreeMap<>(
              OpRun.run(reference, run.op.spec().apply(DType.F64), inputs, run.op.aliases()));
      Map<Slot, double[]> actual = OpRun.run(host, spec, inputs, run.op.aliases());
      Bound bound =
          switch (run.type) {
            case F32 -> new Bound.Norm(2e-6);
            case F16 -> new Bound.Norm(2e-3);
            default -> new Bound.Norm(1e-2);
          };
      assertThat(actual.keySet()).isEqualTo(expected.keySet());
      actual.forEach(
          (slot, values) -> {
            if (nearlyNothing(spec, slot)) {
              return;
            }
            assertThat(
                    bound.compare(
                        slot.name(), OpRun.extents(spec, slot), values, expected.get(slot)))
                .matches(Comparison::ok);
          });
    }
  }

  /** With two values per channel a batch norm's dx cancels to O(eps): nothing to compare. */
  private static boolean nearlyNothing(OpSpec spec, Slot slot) {
    return slot == Slot.DX
        && spec.op() instanceof Op.BatchNorm
        && spec.mode() == Mode.TRAIN
        && spec.y().perChannel() <= 2;
  }

  // Memory.

  private final List<DeviceMemory> memories = new ArrayList<>();

  private DeviceMemory floats(float... values) {
    DeviceMemory memory = memory(4L * values.length);
    memory.hostView().asFloatBuffer().put(values);
    return memory;
  }

  private DeviceMemory memory(long bytes) {
    DeviceMemory memory = DeviceMemory.onHost(bytes);
    memories.add(memory);
    return memory;
  }

  private static float[] floats(DeviceMemory memory) {
    float[] values = new float[(int) memory.bytes() / 4];
    memory.hostView().asFloatBuffer().get(values);
    return values;
  }

  private static float element(DType type, ByteBuffer from, int i) {
    return switch (type) {
      case F32 -> from.getFloat(4 * i);
      case BF16 -> BFloat16.toFloat(from.getShort(2 * i));
      default -> Float16.toFloat(from.getShort(2 * i));
    };
  }

  private static float rounded(DType type, float value) {
    return switch (type) {
      case F32 -> value;
      case BF16 -> BFloat16.toFloat(BFloat16.of(value));
      default -> Float16.toFloat(Float16.of(value));
    };
  }

  private float[] normal(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static long at(DeviceMemory memory) {
    return memory.address(0, memory.bytes());
  }

  private static void launch(String kernel, Arguments arguments) {
    HostKernels.launch(kernel, 3, arguments.bits());
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16", "F16"})
  void filtersArePackedAndUnpacked(DType type) {
    // Vectors that end in the middle of a channel, a filter, a convolution; 1x1 and of one channel.
    int[][] extents = {{5, 3, 9}, {16, 8, 1}, {4, 16, 9}, {3, 5, 1}, {7, 1, 4}, {1, 1, 1}};
    List<float[]> weights = new ArrayList<>();
    List<DeviceMemory> packed = new ArrayList<>();
    List<DeviceMemory> back = new ArrayList<>();
    List<Reorder.Segment> packing = new ArrayList<>();
    List<Reorder.Segment> unpacking = new ArrayList<>();
    for (int[] e : extents) {
      float[] weight = normal(e[0] * e[1] * e[2]);
      DeviceMemory to = memory((long) weight.length * type.bytes());
      DeviceMemory again = floats(new float[weight.length]);
      weights.add(weight);
      packed.add(to);
      back.add(again);
      packing.add(new Reorder.Segment(at(floats(weight)), at(to), e[0], e[1], e[2]));
      unpacking.add(new Reorder.Segment(at(to), at(again), e[0], e[1], e[2]));
    }
    try (HostDevice host = new HostDevice();
        Reorder pack = new Reorder(host, "pack_" + Gpu.suffix(type), packing);
        Reorder unpack = new Reorder(host, "unpack_" + Gpu.suffix(type), unpacking)) {
      pack.run();
      unpack.run();
    }
    for (int i = 0; i < extents.length; i++) {
      int c = extents[i][1];
      int rs = extents[i][2];
      float[] weight = weights.get(i);
      float[] again = floats(back.get(i));
      for (int j = 0; j < weight.length; j++) {
        int f = j / rs / c;
        int ch = j / rs % c;
        int p = j % rs;
        assertThat(element(type, packed.get(i).hostView(), (f * rs + p) * c + ch))
            .as("element %d of filter %d", j, i)
            .isEqualTo(rounded(type, weight[j]));
        assertThat(again[j]).isEqualTo(rounded(type, weight[j]));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void normsAreFoldedIntoFilterAndBias(boolean biased) {
    int k = 4;
    int c = 3;
    int rs = 9;
    float[] weight = normal(k * c * rs);
    float[] offset = biased ? normal(k) : new float[k];
    float[] gamma = normal(k);
    float[] beta = normal(k);
    float[] mean = normal(k);
    float[] var = {0.5f, 2, 1e-3f, 7};
    DeviceMemory packed = memory(4L * weight.length);
    DeviceMemory bias = memory(4L * k);
    launch(
        "fold_float",
        new Arguments()
            .add(at(floats(weight)))
            .add(biased ? at(floats(offset)) : 0L)
            .add(at(floats(gamma)))
            .add(at(floats(beta)))
            .add(at(floats(mean)))
            .add(at(floats(var)))
            .add(1e-5f)
            .add(at(packed))
            .add(at(bias))
            .add(k)
            .add(c)
            .add(rs));
    for (int f = 0; f < k; f++) {
      double factor = gamma[f] / Math.sqrt(var[f] + 1e-5);
      assertThat((double) floats(bias)[f])
          .isCloseTo(
              beta[f] + (offset[f] - mean[f]) * factor, within(1e-5 * (1 + Math.abs(factor))));
      for (int ch = 0; ch < c; ch++) {
        for (int p = 0; p < rs; p++) {
          assertThat((double) floats(packed)[(f * rs + p) * c + ch])
              .isCloseTo(
                  weight[(f * c + ch) * rs + p] * factor, within(1e-5 * Math.abs(factor) + 1e-7));
        }
      }
    }
  }

  private void sums(String suffix, DeviceMemory x, DeviceMemory sums, int c, int pixels) {
    int slices = 3;
    DeviceMemory partial = memory(4L * slices * c);
    launch(
        "normSums" + suffix,
        area(
            new Arguments().add(0L).add(at(x)).add(0L).add(0L).add(at(partial)),
            c,
            pixels,
            slices));
    launch(
        "normSumsFold",
        area(
            new Arguments().add(at(partial)).add(0L).add(0L).add(0f).add(0L).add(at(sums)),
            c,
            pixels,
            slices));
  }

  private static Arguments area(Arguments arguments, int c, int pixels, int slices) {
    return arguments.add(c).add(0).add(c).add(pixels).add(slices);
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16", "F16"})
  void channelsAreSummed(DType type) {
    int c = 5;
    int pixels = 203;
    float[] values = normal(c * pixels);
    DeviceMemory master = floats(values);
    DeviceMemory x = memory((long) values.length * type.bytes());
    DeviceMemory sums = memory(4L * c);
    String suffix = Gpu.suffix(type);
    launch(
        "narrow_" + suffix,
        new Arguments().add(at(master)).add(at(x)).add(0).add((long) values.length));
    sums("Scalar_" + suffix, x, sums, c, pixels);
    for (int channel = 0; channel < c; channel++) {
      double expected = 0;
      for (int p = 0; p < pixels; p++) {
        expected += rounded(type, values[p * c + channel]);
      }
      assertThat((double) floats(sums)[channel]).isCloseTo(expected, within(1e-5));
    }
  }

  @Test
  void bf16AndF16RoundAsTheHostDoes() {
    float[] values = {
      0,
      -0f,
      1,
      -1,
      1.00390625f,
      65504,
      65520,
      1e-8f,
      5.9604645e-8f,
      3e-5f,
      -2.98e-8f,
      Float.NaN,
      Float.POSITIVE_INFINITY,
      3.4e38f
    };
    float[] all = Arrays.copyOf(values, 4000);
    for (int i = values.length; i < all.length; i++) {
      all[i] = Float.intBitsToFloat(random.nextInt());
    }
    DeviceMemory from = floats(all);
    for (DType type : List.of(DType.BF16, DType.F16)) {
      DeviceMemory to = memory(2L * all.length);
      launch(
          "narrow_" + Gpu.suffix(type),
          new Arguments().add(at(from)).add(at(to)).add(0).add((long) all.length));
      for (int i = 0; i < all.length; i++) {
        // Boxed, so that NaN equals NaN.
        assertThat((Float) element(type, to.hostView(), i))
            .as("%s of %s", type, all[i])
            .isEqualTo((Float) rounded(type, all[i]));
      }
    }
  }

  /** Up to four channels are looked up, more are computed; the counts are no multiple of 16. */
  @ParameterizedTest
  @ValueSource(ints = {1, 3, 4, 5})
  void pixelsAreNormalised(int channels) {
    byte[] pixels = new byte[channels * 259];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) (i / channels);
    }
    float[] meanStd = new float[2 * channels];
    for (int c = 0; c < channels; c++) {
      meanStd[c] = 0.485f - 0.04f * c;
      meanStd[channels + c] = 0.229f + 0.01f * c;
    }
    DeviceMemory from = memory(pixels.length);
    from.hostView().put(pixels);
    DeviceMemory y = memory(4L * pixels.length);
    launch(
        "input_float",
        new Arguments()
            .add(at(from))
            .add(at(floats(meanStd)))
            .add(channels)
            .add(pixels.length)
            .add(at(y)));
    for (int i = 0; i < pixels.length; i++) {
      int c = i % channels;
      assertThat(floats(y)[i])
          .isEqualTo(((pixels[i] & 255) / 255f - meanStd[c]) / meanStd[channels + c]);
    }
  }

  @Test
  void crossEntropyIsTheReferences() {
    int n = 7;
    int classes = 5;
    float[] logits = normal(n * classes);
    logits[3] = logits[2]; // a tie
    int[] labels = {0, 1, 2, 3, 4, 2, 2};
    List<Double> weights = List.of(0.5, 1.0, 2.0, 1.5, 0.25);
    double factor = 1024;
    LossSpec spec = new LossSpec(n, classes, new Objective.CrossEntropy(0.1, weights));
    double[] z = new double[logits.length];
    for (int i = 0; i < z.length; i++) {
      z[i] = logits[i];
    }
    double[] dz = new double[z.length];
    Loss reference = Loss.of(spec);
    reference.load(labels);
    double expected = reference.compute(z, dz, factor);

    DeviceMemory scale = memory(8);
    scale.hostView().putDouble(0, factor);
    DeviceMemory head = memory(8L * (1 + classes));
    head.hostView().putDouble(0, 0.1);
    for (int k = 0; k < classes; k++) {
      head.hostView().putDouble(8 * (1 + k), weights.get(k));
    }
    DeviceMemory labelMemory = memory(4L * n);
    labelMemory.hostView().asIntBuffer().put(labels);
    DeviceMemory gradient = memory(4L * z.length);
    DeviceMemory losses = memory(8L * n);
    DeviceMemory hits = memory(4L * n);
    DeviceMemory result = memory(16);
    launch(
        "crossEntropy",
        new Arguments()
            .add(at(floats(logits)))
            .add(at(labelMemory))
            .add(at(head))
            .add(at(gradient))
            .add(at(scale))
            .add(at(losses))
            .add(at(hits))
            .add(n)
            .add(classes));
    HostKernels.launch(
        "lossSums", 1, new Arguments().add(at(losses)).add(at(hits)).add(at(result)).add(n).bits());
    assertThat(result.hostView().getDouble(0)).isCloseTo(expected, within(1e-12));
    assertThat(result.hostView().getDouble(8)).isEqualTo(reference.correct());
    for (int i = 0; i < dz.length; i++) {
      assertThat((double) floats(gradient)[i]).isCloseTo(dz[i], within(1e-7 * factor));
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void valueLossIsTheReferences(boolean seed) {
    int n = 3;
    int outputs = 130; // more than a block has threads
    float[] given = normal(n * outputs);
    float[] outputValues = normal(n * outputs);
    double factor = 1024;
    Objective objective = seed ? new Objective.Seed() : new Objective.MeanSquaredError();
    Loss reference = Loss.of(new LossSpec(n, outputs, objective));
    reference.load(given);
    double[] z = new double[outputValues.length];
    Arrays.setAll(z, i -> outputValues[i]);
    double[] dz = new double[z.length];
    double expected = reference.compute(z, dz, factor);

    DeviceMemory scale = memory(8);
    scale.hostView().putDouble(0, factor);
    DeviceMemory head = memory(8);
    head.hostView().putDouble(0, seed ? 1 : 0);
    DeviceMemory gradient = memory(4L * z.length);
    DeviceMemory losses = memory(8L * n);
    DeviceMemory hits = memory(4L * n);
    DeviceMemory result = memory(16);
    launch(
        "valueLoss",
        new Arguments()
            .add(at(floats(outputValues)))
            .add(at(floats(given)))
            .add(at(head))
            .add(at(gradient))
            .add(at(scale))
            .add(at(losses))
            .add(at(hits))
            .add(n)
            .add(outputs));
    HostKernels.launch(
        "lossSums", 1, new Arguments().add(at(losses)).add(at(hits)).add(at(result)).add(n).bits());
    assertThat(result.hostView().getDouble(0)).isCloseTo(expected, within(1e-12 * n * outputs));
    assertThat(result.hostView().getDouble(8)).isZero();
    for (int i = 0; i < dz.length; i++) {
      assertThat((double) floats(gradient)[i]).isCloseTo(dz[i], within(1e-6 * factor));
    }
  }

  static Stream<UpdateRule> optimizers() {
    return Stream.of(
        new UpdateRule.Adam(0.9, 0.999, 1e-8, 0.01),
        new UpdateRule.AdamW(0.9, 0.999, 1e-8, 0.01),
        new UpdateRule.Sgd(0.9, 1e-4));
  }

  @ParameterizedTest
  @MethodSource("optimizers")
  void optimizersAreTheReferences(UpdateRule rule) {
    int count = 1003; // no multiple of the vectors' four
    float[] p = normal(count);
    float[] g = normal(count);
    DeviceMemory parameters = floats(p);
    DeviceMemory gradients = floats(g);
    List<DeviceMemory> states = new ArrayList<>();
    for (int i = 0; i < rule.states(); i++) {
      states.add(floats(new float[count]));
    }
    try (Backend reference = new ReferenceBackend();
        var memory = reference.allocate("a test", 8L * count * (2 + rule.states()))) {
      List<Tensor> arenas = new ArrayList<>();
      for (int i = 0; i < 2 + rule.states(); i++) {
        arenas.add(new Tensor(memory, 8L * count * i, DType.F64, count));
      }
      arenas.get(0).set(p);
      arenas.get(1).set(g);
      arenas.stream().skip(2).forEach(t -> t.set(new float[count]));
      List<Optimizer.Range> all = List.of(new Optimizer.Range(0, count));
      try (Optimizer optimizer =
          reference.optimizer(
              rule, arenas.get(0), arenas.get(1), arenas.subList(2, arenas.size()))) {
        for (int step = 1; step <= 5; step++) {
          optimizer.step(all, 1e-2, step, 0.5);
          double[] c = new double[GpuOptimizer.CONSTANTS];
          GpuOptimizer.constants(rule, 1e-2, step, 0.5, c);
          float[] narrow = new float[c.length + 1];
          narrow[c.length] = 1;
          for (int i = 0; i < c.length; i++) {
            narrow[i] = (float) c[i];
          }
          Arguments arguments = new Arguments().add(at(parameters)).add(at(gradients));
          states.forEach(s -> arguments.add(at(s)));
          launch(
              states.size() == 2 ? "adam" : "sgd",
              arguments.add(at(floats(narrow))).add((long) count));
        }
      }
      float[] expected = arenas.get(0).toFloats();
      for (int i = 0; i < count; i++) {
        assertThat(floats(parameters)[i]).isCloseTo(expected[i], within(1e-5f));
      }
    }
  }

  @Test
  void squaresAreSummedOverSeveralRanges() {
    float[] g = normal(1001);
    double expected = 0;
    for (float v : g) {
      expected += 2.0 * v * v;
    }
    DeviceMemory values = floats(g);
    DeviceMemory partial = memory(8 * 3);
    DeviceMemory result = memory(8);
    result.hostView().order(ByteOrder.nativeOrder()).putDouble(0, Double.NaN);
    for (int keep = 0; keep < 2; keep++) {
      launch("squares", new Arguments().add(at(values)).add(at(partial)).add((long) g.length));
      HostKernels.launch(
          "sumUp", 1, new Arguments().add(at(partial)).add(at(result)).add(3).add(keep).bits());
    }
    assertThat(result.hostView().getDouble(0)).isCloseTo(expected, within(1e-9 * expected));
  }

  /** A part of an arena that starts between two vectors, beside one that starts with a vector. */
  @Test
  void partsThatStartBetweenVectorsAreUpdated() {
    int count = 101;
    float[] g = normal(count + 1);
    DeviceMemory gradients = floats(g);
    DeviceMemory parameters = floats(new float[count]);
    DeviceMemory momentum = floats(new float[count]);
    DeviceMemory constants = floats(0.5f, 1, 0.9f, 0, 0, 0, 1, 0, 1, 1);
    launch(
        "sgd",
        new Arguments()
            .add(at(parameters))
            .add(gradients.address(4, 4L * count))
            .add(at(momentum))
            .add(at(constants))
            .add((long) count));
    launch(
        "add_float",
        new Arguments()
            .add(gradients.address(4, 4L * count))
            .add(at(parameters))
            .add(at(momentum))
            .add((long) count));
    for (int i = 0; i < count; i++) {
      assertThat(floats(parameters)[i]).isEqualTo(-0.5f * g[i + 1]);
      assertThat(floats(momentum)[i]).isEqualTo(g[i + 1] + floats(parameters)[i]);
    }
  }

  @Test
  void biasesAreAddedAndSummed() {
    int n = 3;
    int k = 5;
    float[] y = normal(n * k);
    float[] bias = normal(k);
    DeviceMemory sums = floats(y);
    launch(
        "addBias_float",
        new Arguments().add(at(sums)).add(at(floats(bias))).add(k).add((long) n * k));
    DeviceMemory gradient = memory(4L * k);
    sums("Scalar_float", floats(y), gradient, k, n);
    for (int i = 0; i < k; i++) {
      float sum = 0;
      for (int row = 0; row < n; row++) {
        assertThat(floats(sums)[row * k + i]).isEqualTo(y[row * k + i] + bias[i]);
        sum += y[row * k + i];
      }
      assertThat(floats(gradient)[i]).isCloseTo(sum, within(1e-5f));
    }
  }
}
