package org.jresnet.backend.reference;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jresnet.backend.Backend;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.check.GradientCheck;
import org.jresnet.check.OpRun;
import org.jresnet.check.Specs;
import org.jresnet.check.Specs.Activation;
import org.jresnet.check.Specs.Residual;
import org.jresnet.check.Specs.Window;
import org.jresnet.graph.Activation.Function;
import org.jresnet.graph.AvgPool;
import org.jresnet.graph.Axis;
import org.jresnet.graph.ChannelShuffle;
import org.jresnet.graph.ChannelSlice;
import org.jresnet.graph.Concat;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.ConvTranspose2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Dropout;
import org.jresnet.graph.MaxUnpool;
import org.jresnet.graph.Multiply;
import org.jresnet.graph.Op;
import org.jresnet.graph.Scale;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.graph.Upsample;
import org.jresnet.loss.Objective;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every gradient of every op of the reference backend against central differences of {@code L = Σ
 * dy·y}, with a random cotangent dy: with dy = 1 the input gradients of batch norm and softmax are
 * zero whatever the code says.
 *
 * <p>Inputs keep away from where ReLU and max have a corner; a test that would come near one fails.
 */
class GradientCheckTest {
  private static final long SEED = 11;

  private final Backend backend = new ReferenceBackend();

  static Stream<OpSpec> conv() {
    return Stream.<Op>of(
            new Conv2d(3, 4, 7, 2, 3),
            new Conv2d(3, 4, 3, 1, 1),
            new Conv2d(3, 4, 3, 2, 1),
            new Conv2d(3, 4, 1, 1, 0),
            new Conv2d(3, 4, 1, 2, 0),
            new Conv2d(3, 6, 3, 1, 1).grouped(3),
            new Conv2d(3, 3, 3, 2, 1).grouped(3).biased(),
            new Conv2d(3, 4, 3, 1, 2).dilated(2).biased(),
            new Conv2d(3, 6, new Axis(1, 1, 0), new Axis(3, 2, 2, 2)).grouped(3),
            new ConvTranspose2d(3, 2, 3, 2, 1).padded(1, 0).biased(),
            new ConvTranspose2d(3, 6, new Axis(2, 1, 0, 2), new Axis(3, 2, 1)).grouped(3))
        .map(
            conv ->
                Specs.conv(
                    new Shape(2, 6, 5, 3),
                    conv,
                    DType.F64,
                    Pass.TRAINING,
                    GradientWrite.OVERWRITE,
                    GradientWrite.OVERWRITE));
  }

  static Stream<OpSpec> norm() {
    List<OpSpec> specs = new ArrayList<>();
    for (Mode statistics : Mode.values()) {
      for (Residual residual : Residual.values()) {
        for (Activation activation : Activation.IN_TRAINING) {
          specs.add(norm(statistics, residual, activation));
        }
        specs.add(norm(statistics, residual, Activation.RELU6));
      }
    }
    return specs.stream();
  }

  private static OpSpec norm(Mode statistics, Residual residual, Activation activation) {
    return Specs.norm(
        new Shape(3, 2, 3, 4),
        1e-5,
        0.1,
        DType.F64,
        Pass.TRAINING,
        statistics,
        residual,
        activation,
        GradientWrite.OVERWRITE,
        GradientWrite.OVERWRITE);
  }

  static Stream<OpSpec> others() {
    Shape x = new Shape(2, 5, 6, 3);
    GradientWrite o = GradientWrite.OVERWRITE;
    Pass training = Pass.TRAINING;
    return Stream.of(
        Specs.add(x, DType.F64, training, o, o),
        Specs.maxPool(x, new Shape(2, 3, 3, 3), new Window(3, 2, 1), DType.F64, training, o),
        Specs.globalAvgPool(x, new Shape(2, 1, 1, 3), DType.F64, training, o),
        Specs.linear(new Shape(3, 1, 1, 5), new Shape(3, 1, 1, 4), DType.F64, training, o, o));
  }

  static Stream<OpSpec> activations() {
    return Stream.of(Activation.values())
        .filter(f -> f.op().isPresent())
        .map(
            f ->
                Specs.activation(
                    f, new Shape(2, 5, 6, 3), DType.F64, Pass.TRAINING, GradientWrite.OVERWRITE));
  }

  /** Ops whose output follows from their inputs' shapes. */
  static Stream<OpSpec> further() {
    Shape x = new Shape(2, 5, 6, 4);
    Shape pixel = new Shape(2, 1, 1, 4);
    Stream.Builder<OpSpec> specs = Stream.builder();
    List.of(
            new Scale(-1.5),
            new ChannelSlice(1, 2),
            new ChannelShuffle(2),
            new Upsample(3),
            new AvgPool(3, 2, 1, AvgPool.Divisor.WINDOW),
            new AvgPool(3, 2, 1, AvgPool.Divisor.PIXELS),
            new Dropout(0.4, Dropout.Unit.ELEMENT),
            new Dropout(0.6, Dropout.Unit.IMAGE))
        .forEach(op -> specs.add(further(op, x)));
    specs.add(further(new Multiply(), x, pixel));
    specs.add(further(new Multiply(), x, x));
    specs.add(further(new Concat(3), x, new Shape(2, 5, 6, 1), new Shape(2, 5, 6, 3)));
    specs.add(further(new MaxUnpool(2, 2, 1), new Shape(2, 3, 4, 4), x));
    return specs.build();
  }

  private static OpSpec further(Op op, Shape... inputs) {
    return Specs.of(op, List.of(inputs), DType.F64, Pass.TRAINING, GradientWrite.OVERWRITE);
  }

  @ParameterizedTest
  @MethodSource({"conv", "norm", "activations", "others", "further"})
  void backwardIsTheDerivativeOfForward(OpSpec spec) {
    assertThat(backend.name()).isEqualTo("reference");
    Map<Slot, double[]> inputs = inputs(spec, new Random(SEED));
    Map<Slot, GradientCheck.Result> results =
        new GradientCheck(backend, spec, inputs).run(Integer.MAX_VALUE, new Random(SEED));
    assertThat(results.keySet()).isNotEmpty().isEqualTo(spec.gradients().keySet());
    results.forEach(
        (gradient, result) ->
            assertThat(result)
                .as("%s, seed %d, %s", spec, SEED, gradient)
                .matches(GradientCheck.Result::ok));
  }

  private Map<Slot, double[]> inputs(OpSpec spec, Random random) {
    Map<Slot, double[]> inputs = GradientCheck.inputs(spec, random);
    if (spec.op() instanceof Op.BatchNorm && spec.activates()) {
      boolean clips = spec.activation().orElseThrow().function() == Function.RELU6;
      if (clips) {
        inputs.computeIfPresent(
            Slot.GAMMA, (slot, v) -> Arrays.stream(v).map(g -> 16 * g).toArray());
      }
      OpSpec open = norm(spec.mode(), spec.adds() ? Residual.ADD : Residual.NONE, Activation.NONE);
      double[] before = OpRun.run(backend, open, inputs, Map.of()).get(Slot.Y);
      assertThat(
              Arrays.stream(before)
                  .map(v -> Math.min(Math.abs(v), clips ? Math.abs(v - 6) : Math.abs(v)))
                  .min()
                  .orElseThrow())
          .as("distance of the nearest value from a corner; choose another seed")
          .isGreaterThan(GradientCheck.MARGIN);
      assertThat(Arrays.stream(before).anyMatch(v -> v > 6)).as("some reach 6").isEqualTo(clips);
      assertThat(Arrays.stream(before).anyMatch(v -> v > 0)).as("some pass").isTrue();
      assertThat(Arrays.stream(before).anyMatch(v -> v < 0)).as("some stop").isTrue();
    }
    return inputs;
  }

  static Stream<LossSpec> losses() {
    List<Double> weights = List.of(0.5, 2.0, 1.0, 0.0);
    Stream<Objective> crossEntropies =
        Stream.of(0.0, 0.1)
            .flatMap(
                s ->
                    Stream.of(List.<Double>of(), weights)
                        .map(w -> new Objective.CrossEntropy(s, w)));
    Stream<Objective> others = Stream.of(new Objective.MeanSquaredError(), new Objective.Seed());
    return Stream.concat(crossEntropies, others).map(o -> new LossSpec(5, 4, o));
  }

  @ParameterizedTest
  @MethodSource("losses")
  void gradientOfTheLossIsItsDerivative(LossSpec spec) {
    double[] logits = new Random(SEED).doubles(20, -3, 3).toArray();
    Loss loss = Loss.of(spec);
    if (spec.objective().given() == Objective.Given.LABELS) {
      loss.load(new int[] {2, 0, 3, 1, 1});
    } else {
      Random random = new Random(SEED + 1);
      float[] values = new float[20];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextGaussian();
      }
      loss.load(values);
    }
    double[] gradient = new double[20];
    loss.compute(logits, gradient, 1);
    assertThat(
            GradientCheck.worst(
                logits,
                gradient,
                z -> loss.compute(z, new double[20], 1),
                IntStream.range(0, 20).toArray()))
        .as("%s, seed %d, dlogits", spec, SEED)
        .matches(GradientCheck.Result::ok);
  }

  /** A wrong gradient is found, wherever it is, and NaN is the worst. */
  @Test
  void aWrongElementIsTheWorst() {
    double[] at = {0.3, -0.7, 1.2};
    ToDoubleFunction<double[]> squares = v -> v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
    int[] all = {0, 1, 2};
    double[] right = {0.6, -1.4, 2.4};
    assertThat(GradientCheck.worst(at, right, squares, all)).matches(GradientCheck.Result::ok);
    double[] wrong = {0.6, -1.4001, 2.4};
    assertThat(GradientCheck.worst(at, wrong, squares, all))
        .matches(r -> !r.ok() && r.element() == 1);
    double[] broken = {Double.NaN, -1.5, 2.4};
    assertThat(GradientCheck.worst(at, broken, squares, all)).matches(r -> !r.ok());
    assertThat(GradientCheck.worst(at, new double[3], v -> 1, all)).matches(r -> !r.ok());
  }

  /** What the checks above rely on: an evaluation does not disturb the next one. */
  @Test
  void evaluationsStartFromTheSameRunningStatistics() {
    OpSpec spec = norm(Mode.TRAIN, Residual.NONE, Activation.NONE);
    Map<Slot, double[]> inputs = inputs(spec, new Random(SEED));
    double[] before = inputs.get(Slot.RUNNING_MEAN).clone();
    double[] once = OpRun.run(backend, spec, inputs, Map.of()).get(Slot.RUNNING_MEAN);
    double[] again = OpRun.run(backend, spec, inputs, Map.of()).get(Slot.RUNNING_MEAN);
    assertThat(once).isEqualTo(again).isNotEqualTo(before);
    assertThat(inputs.get(Slot.RUNNING_MEAN)).isEqualTo(before);
  }
}
