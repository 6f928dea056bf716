package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.jresnet.backend.gpu.Form;
import org.jresnet.backend.gpu.GpuBackend;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.check.Comparison;
import org.jresnet.check.OpCase;
import org.jresnet.check.OpCheck;
import org.jresnet.check.OpRun;
import org.jresnet.check.Specs;
import org.jresnet.graph.Axis;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The gpu backend against the reference backend, which gets the same rounded inputs. */
class GpuContractTest extends BackendContract {
  private final Backend reference = new ReferenceBackend();

  @Override
  Backend open() {
    return TestBackends.open("gpu");
  }

  @Override
  public String name() {
    return "gpu";
  }

  @Override
  public List<Precision> precisions() {
    return List.of(Precision.FP32, Precision.TF32, Precision.BF16, Precision.FP16);
  }

  @Override
  public Map<Slot, double[]> expected(OpSpec inDouble, Map<Slot, double[]> inputs) {
    Map<Slot, double[]> written = new TreeMap<>(OpRun.run(reference, inDouble, inputs, Map.of()));
    CpuContractTest.keepWritten(written, inDouble);
    return written;
  }

  @Override
  public boolean maxPoolKeepsNonFinite() {
    return true;
  }

  private static final Shape IMAGE = new Shape(2, 6, 6, 8);

  private static OpSpec norm(DType type, Specs.Residual residual) {
    return Specs.norm(
        IMAGE,
        1e-5,
        0.1,
        type,
        Pass.TRAINING,
        Mode.TRAIN,
        residual,
        Specs.Activation.RELU,
        GradientWrite.OVERWRITE,
        GradientWrite.OVERWRITE);
  }

  /** Evenly distributed values of what an op reads. */
  private static Map<Slot, double[]> inputs(OpSpec spec, int seed) {
    Random random = new Random(seed);
    Map<Slot, double[]> values = new TreeMap<>();
    for (Operand operand : spec.operands()) {
      if (!operand.reads().isEmpty()) {
        values.put(
            operand.slot(),
            random
                .doubles(OpRun.elements(spec, operand.slot()))
                .map(
                    v ->
                        OpRun.round(
                            operand.slot() == Slot.RUNNING_VAR ? v : 4 * v - 2, operand.type()))
                .toArray());
      }
    }
    return values;
  }

  /** A NaN would otherwise be 0 behind the ReLU, and a run that has diverged would go on. */
  @ParameterizedTest
  @MethodSource("precisions")
  void aReluKeepsNan(Precision precision) {
    OpSpec folded =
        Specs.foldedConv(
            IMAGE,
            Specs.conv2d(8, 16, new Specs.Window(1, 1, 0)),
            precision.activation(),
            1e-5,
            Specs.Residual.NONE,
            Specs.Activation.RELU);
    for (OpSpec spec : List.of(norm(precision.activation(), Specs.Residual.ADD), folded)) {
      Map<Slot, double[]> inputs = inputs(spec, 3);
      int channels = spec.y().c();
      inputs.get(Slot.X)[0] = Double.NaN;
      double[] y = OpRun.run(backend(), spec, inputs, Map.of()).get(Slot.Y);
      for (int i = 0; i < y.length; i++) {
        // The norm's first channel, and all that the convolution makes of the first pixel.
        boolean reached = spec == folded ? i < channels : i % channels == 0;
        assertThat(Double.isNaN(y[i]))
            .as("NaN at %d of the output of %s", i, spec)
            .isEqualTo(reached);
      }
    }
  }

  /**
   * Norm, residual and ReLU are one computation in single precision. With a residual that is nearly
   * the opposite of the normalised value, a rounding between them would be most of what is left.
   */
  @ParameterizedTest
  @MethodSource("precisions")
  void aNormWithResidualRoundsItsOutputAlone(Precision precision) {
    OpSpec spec = norm(precision.activation(), Specs.Residual.ADD);
    Map<Slot, double[]> inputs = inputs(spec, 5);
    double[] y =
        OpRun.run(reference, norm(DType.F64, Specs.Residual.ADD), inputs, Map.of()).get(Slot.Y);
    double[] residual = inputs.get(Slot.RESIDUAL);
    for (int i = 0; i < residual.length; i++) {
      residual[i] = OpRun.round(residual[i] - y[i] + 0.004, precision.activation());
    }
    double[] expected =
        OpRun.run(reference, norm(DType.F64, Specs.Residual.ADD), inputs, Map.of()).get(Slot.Y);
    double[] found = OpRun.run(backend(), spec, inputs, Map.of()).get(Slot.Y);
    double rounding =
        switch (precision) {
          case BF16 -> 0x1p-8;
          case FP16 -> 0x1p-11;
          default -> 0x1p-23;
        };
    int checked = 0;
    for (int i = 0; i < found.length; i++) {
      // Half a unit in the last place of y, and single precision's of what y is the difference of.
      double bound = rounding * Math.abs(expected[i]) + 4e-6;
      assertThat(found[i]).as("element %d", i).isCloseTo(expected[i], within(bound));
      checked += expected[i] > 0 && expected[i] < 0.05 ? 1 : 0;
    }
    assertThat(checked).as("elements that a rounding between would spoil").isGreaterThan(100);
  }

  /** Convolutions that add to dx, each way of adding, whichever the planner would choose. */
  @ParameterizedTest
  @MethodSource("precisions")
  void everyWayOfAddingGradientsGivesTheirSum(Precision precision) {
    GpuBackend gpu = (GpuBackend) backend();
    Map<String, Integer> checked = new TreeMap<>();
    for (OpCase op : OpCase.Kind.CONV.cases()) {
      OpSpec spec = op.spec().apply(precision.activation());
      if (spec.write(Slot.DX) != GradientWrite.ACCUMULATE || !(spec.op() instanceof Conv2d)) {
        continue;
      }
      List<Form> forms = gpu.forms(spec);
      assertThat(forms).as("%s", spec).hasSize(3).filteredOn(Form::chosen).hasSize(1);
      Map<Slot, double[]> inputs = op.values(spec.type());
      OpCheck.Given given = new OpCheck.Given(inputs, expected(op.spec().apply(DType.F64), inputs));
      for (Form form : forms) {
        assertThat(form.choice()).as("engine of %s", form).isPresent();
        assertThat(
                OpCheck.compare(
                    only(gpu, form), spec, op.aliases(), given, OpCheck.bound(backend(), spec)))
            .as("%s %s", form.name(), op)
            .isNotEmpty()
            .allMatch(Comparison::ok);
        checked.merge(form.name(), 1, Integer::sum);
      }
    }
    assertThat(checked.keySet()).containsExactly("beta", "fused", "kernel");
  }

  /** The first convolution of a network, by itself and over blocks of pixels. */
  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"BF16", "FP16"})
  void aStemIsTheSameConvolutionOverBlocks(Precision precision) {
    GpuBackend gpu = (GpuBackend) backend();
    DType type = precision.activation();
    for (Pass pass : Pass.values()) {
      for (Conv2d conv :
          List.of(
              Specs.conv2d(3, 8, new Specs.Window(7, 2, 3)),
              Specs.conv2d(3, 16, new Specs.Window(3, 2, 1)),
              new Conv2d(4, 8, new Axis(2, 2, 0), new Axis(5, 2, 1)))) {
        for (Shape x : List.of(new Shape(2, 16, 16, conv.c()), new Shape(1, 13, 18, conv.c()))) {
          GradientWrite wanted =
              pass == Pass.TRAINING ? GradientWrite.OVERWRITE : GradientWrite.NONE;
          OpSpec spec = Specs.conv(x, conv, type, pass, GradientWrite.NONE, wanted);
          OpSpec exact = Specs.conv(x, conv, DType.F64, pass, GradientWrite.NONE, wanted);
          Map<Slot, double[]> inputs = inputs(spec, 7);
          OpCheck.Given given = new OpCheck.Given(inputs, expected(exact, inputs));
          assertThat(gpu.forms(spec)).extracting(Form::name).containsExactly("plain", "blocked");
          for (Form form : gpu.forms(spec)) {
            assertThat(
                    OpCheck.compare(
                        only(gpu, form), spec, Map.of(), given, OpCheck.bound(backend(), spec)))
                .as("%s %s", form.name(), spec)
                .isNotEmpty()
                .allMatch(Comparison::ok);
          }
        }
      }
    }
  }

  /** Nothing but that way of computing. */
  private static Backend only(GpuBackend gpu, Form form) {
    return new ForwardingBackend(gpu) {
      @Override
      public OpPlan plan(OpSpec asked) {
        return gpu.plan(asked, form.name());
      }

      @Override
      public void close() {}
    };
  }

  private static final Conv2d CONV = Specs.conv2d(8, 8, new Specs.Window(3, 1, 1));

  private static OpSpec with(OpSpec spec, TensorSpec x, TensorSpec y) {
    List<TensorSpec> inputs = new ArrayList<>(spec.inputs());
    inputs.set(0, x);
    return new OpSpec(
        spec.op(), spec.tail(), inputs, y, spec.mode(), spec.pass(), spec.gradients());
  }

  private static double[] sums(double[] values, int channels) {
    double[] sums = new double[2 * channels];
    for (int i = 0; i < values.length; i++) {
      sums[i % channels] += values[i];
      sums[channels + i % channels] += values[i] * values[i];
    }
    return Arrays.stream(sums).map(v -> OpRun.round(v, DType.F32)).toArray();
  }

  private void requireSame(OpSpec spec, Map<Slot, double[]> inputs, Map<Slot, double[]> expected) {
    OpCheck.Given given = new OpCheck.Given(inputs, expected);
    assertThat(OpCheck.compare(backend(), spec, Map.of(), given, OpCheck.bound(backend(), spec)))
        .as("%s", spec)
        .isNotEmpty()
        .allMatch(Comparison::ok);
  }

  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"BF16", "FP16"})
  void aConvolutionSumsWhatItWrites(Precision precision) {
    for (GradientWrite dx : GradientWrite.values()) {
      OpSpec plain =
          Specs.conv(
              IMAGE, CONV, precision.activation(), Pass.TRAINING, dx, GradientWrite.OVERWRITE);
      OpSpec spec = with(plain, plain.inputs().get(0), plain.output().withSums());
      OpSpec exact = Specs.conv(IMAGE, CONV, DType.F64, Pass.TRAINING, dx, GradientWrite.OVERWRITE);
      Map<Slot, double[]> inputs = inputs(spec, 11);
      Map<Slot, double[]> expected = expected(exact, inputs);
      expected.put(Slot.Y_SUMS, sums(expected.get(Slot.Y), CONV.k()));
      requireSame(spec, inputs, expected);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"BF16", "FP16"})
  void aNormTakesTheSumsOfItsInput(Precision precision) {
    OpSpec plain = norm(precision.activation(), Specs.Residual.ADD);
    OpSpec spec = with(plain, plain.inputs().get(0).withSums(), plain.output());
    Map<Slot, double[]> inputs = inputs(plain, 13);
    Map<Slot, double[]> expected = expected(norm(DType.F64, Specs.Residual.ADD), inputs);
    inputs.put(Slot.X_SUMS, sums(inputs.get(Slot.X), IMAGE.c()));
    requireSame(spec, inputs, expected);
    // They decide: with those of twice the values the output is another one.
    inputs.put(
        Slot.X_SUMS, sums(Arrays.stream(inputs.get(Slot.X)).map(v -> 2 * v).toArray(), IMAGE.c()));
    assertThat(OpRun.run(backend(), spec, inputs, Map.of()).get(Slot.RUNNING_MEAN))
        .isNotEqualTo(expected.get(Slot.RUNNING_MEAN));
  }

  static List<Specs.Window> windows() {
    return List.of(
        new Specs.Window(3, 1, 1),
        new Specs.Window(3, 2, 1),
        new Specs.Window(1, 1, 0),
        new Specs.Window(1, 2, 0));
  }

  /** Windows with padding, strides and a single place: zeros around are those behind the norm. */
  @ParameterizedTest
  @MethodSource("windows")
  void aConvolutionComputesTheNormBeforeIt(Specs.Window window) {
    Conv2d conv = Specs.conv2d(8, 16, window);
    OpSpec norm = norm(DType.F16, Specs.Residual.NONE);
    OpSpec alone =
        Specs.conv(
            IMAGE,
            conv,
            DType.F16,
            Pass.TRAINING,
            GradientWrite.OVERWRITE,
            GradientWrite.OVERWRITE);
    List<Op> tail = new ArrayList<>(norm.tail());
    tail.add(conv);
    Map<Slot, GradientWrite> gradients = new TreeMap<>(norm.gradients());
    gradients.put(Slot.DWEIGHT, GradientWrite.OVERWRITE);
    OpSpec spec =
        new OpSpec(
            norm.op(),
            tail,
            List.of(norm.inputs().get(0).withSums()),
            alone.output().withSums(),
            Mode.TRAIN,
            Pass.TRAINING,
            gradients);
    Map<Slot, double[]> inputs = inputs(spec, 17);
    inputs.put(Slot.X_SUMS, sums(inputs.get(Slot.X), IMAGE.c()));
    requireSame(spec, inputs, inTurn(conv, inputs));
  }

  /** The norm with its ReLU, then the convolution; then the gradients of both. */
  private Map<Slot, double[]> inTurn(Conv2d conv, Map<Slot, double[]> inputs) {
    Map<Slot, double[]> first = new TreeMap<>(inputs);
    first.keySet().removeAll(Set.of(Slot.WEIGHT, Slot.X_SUMS));
    first.put(Slot.DY, new double[(int) IMAGE.elements()]);
    double[] between =
        OpRun.run(reference, norm(DType.F64, Specs.Residual.NONE), first, Map.of()).get(Slot.Y);
    OpSpec exact =
        Specs.conv(
            IMAGE,
            conv,
            DType.F64,
            Pass.TRAINING,
            GradientWrite.OVERWRITE,
            GradientWrite.OVERWRITE);
    Map<Slot, double[]> second = new TreeMap<>();
    second.put(Slot.X, between);
    second.put(Slot.WEIGHT, inputs.get(Slot.WEIGHT));
    second.put(Slot.DY, inputs.get(Slot.DY));
    Map<Slot, double[]> expected = expected(exact, second);
    first.put(Slot.DY, expected.get(Slot.DX));
    Map<Slot, double[]> backward = expected(norm(DType.F64, Specs.Residual.NONE), first);
    backward.remove(Slot.Y);
    expected.put(Slot.Y_SUMS, sums(expected.get(Slot.Y), conv.k()));
    // The norm's dx is that of the whole.
    expected.putAll(backward);
    return expected;
  }

  /** Norms that cuDNN and our kernels can compute, each way, whichever the planner would choose. */
  @ParameterizedTest
  @MethodSource("precisions")
  void everyWayOfComputingANormIsRight(Precision precision) {
    GpuBackend gpu = (GpuBackend) backend();
    int checked = 0;
    for (OpCase op : OpCase.Kind.NORM.cases()) {
      OpSpec spec = op.spec().apply(precision.activation());
      List<Form> forms = gpu.forms(spec);
      if (forms.isEmpty()) {
        continue;
      }
      assertThat(forms).as("%s", spec).hasSize(spec.pass() == Pass.TRAINING ? 4 : 2);
      Map<Slot, double[]> inputs = op.values(spec.type());
      OpCheck.Given given = new OpCheck.Given(inputs, expected(op.spec().apply(DType.F64), inputs));
      for (Form form : forms.subList(0, 2)) {
        assertThat(
                OpCheck.compare(
                    only(gpu, form), spec, op.aliases(), given, OpCheck.bound(backend(), spec)))
            .as("%s %s", form.name(), op)
            .isNotEmpty()
            .allMatch(Comparison::ok);
        checked++;
      }
    }
    assertThat(checked).isGreaterThan(10);
  }
}
