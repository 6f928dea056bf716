package org.jresnet.check;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operand;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.check.Specs.Activation;
import org.jresnet.check.Specs.Residual;
import org.jresnet.check.Specs.Window;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;

/**
 * One op at one size, for any element type, with seeded inputs.
 *
 * @param spec the op in a given type
 * @param aliases slots that share another slot's tensor
 * @param inputs which numbers go in
 * @param seed of the inputs
 */
public record OpCase(
    Function<DType, OpSpec> spec, Map<Slot, Slot> aliases, Inputs inputs, long seed) {

  /** Which numbers go in. */
  public enum Inputs {
    /** Small integers, so that every sum is exact in single precision. */
    INTEGERS,
    /** Small negative integers with many ties: padding must not win a maximum. */
    NEGATIVE_INTEGERS,
    /** Multiples of h·w, so that means are integers. */
    MULTIPLES_OF_AREA,
    /** Normally distributed. */
    REALS
  }

  /** Cases of one kind of op, which {@code jresnet check --op} names. */
  public enum Kind {
    /** Convolutions that train or are not followed by a batch norm. */
    CONV(ConvCases::conv),
    /** Convolutions of inference with the batch norm folded in. */
    FOLDED_CONV(ConvCases::foldedConv),
    /** Transposed convolutions. */
    CONV_TRANSPOSE(ConvCases::convTranspose),
    /** Batch norms. */
    NORM(NormCases::all),
    /** ReLUs and additions. */
    POINTWISE(OpCase::pointwise),
    /** Other activations, alone and behind another op. */
    ACTIVATION(ActivationCases::all),
    /** Pools. */
    POOLS(OpCase::pools),
    /** Classifiers. */
    LINEAR(OpCase::linear),
    /** Channels that move, and pixels that repeat. */
    MOVES(ShapedCases::moves),
    /** Products, dropout and stochastic depth. */
    FACTORS(ShapedCases::factors),
    /** Average pools and max unpools. */
    WINDOWS(ShapedCases::windows),
    /** Gradients that a backend may refuse to add to. */
    ACCUMULATING(OpCase::accumulatingParameters),
    /** Batch norms in training with a ReLU6, which a backend may refuse. */
    CLIPPED_NORM(NormCases::clipped);

    private final Supplier<List<OpCase>> list;

    Kind(Supplier<List<OpCase>> list) {
      this.list = list;
    }

    /** Whether a backend may say that it does not compute such ops. */
    public boolean refusable() {
      return this == ACCUMULATING || this == CLIPPED_NORM;
    }

    /** The cases, in an order that stays. */
    public List<OpCase> cases() {
      return list.get();
    }

    /** The name that users write: {@code folded-conv}. */
    public String id() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** The line that repeats a case. */
    public String command(int number, String backend, Precision precision) {
      return String.format(
          "jresnet check --op %s --case %d --backend %s --precision %s",
          id(), number, backend, precision.id());
    }
  }

  private static final double SIX = 6;

  static final List<GradientWrite> ANY = List.of(GradientWrite.values());
  static final List<GradientWrite> WRITTEN = List.of(GradientWrite.NONE, GradientWrite.OVERWRITE);
  static final List<GradientWrite> ONE = List.of(GradientWrite.OVERWRITE);

  @Override
  public String toString() {
    return spec.apply(DType.F64).toString().replace(", type=F64", "") + aliases + " seed " + seed;
  }

  private static Shape through(Shape x, Window w, int k) {
    return new Shape(
        x.n(),
        (x.h() + 2 * w.padding() - w.kernel()) / w.stride() + 1,
        (x.w() + 2 * w.padding() - w.kernel()) / w.stride() + 1,
        k);
  }

  /** Gradients that are wanted in one of both passes; in training none may be, too. */
  record Wanted(Pass pass, GradientWrite dx, GradientWrite other) {}

  /** All pairs of policies in training, and inference. */
  static List<Wanted> wanted(List<GradientWrite> dx, List<GradientWrite> others) {
    List<Wanted> all = new ArrayList<>();
    all.add(new Wanted(Pass.INFERENCE, GradientWrite.NONE, GradientWrite.NONE));
    for (GradientWrite a : dx) {
      for (GradientWrite b : others) {
        all.add(new Wanted(Pass.TRAINING, a, b));
      }
    }
    return all;
  }

  static OpCase integers(Function<DType, OpSpec> spec) {
    // The hash of a text is the same in every run; that of an enum is not.
    return new OpCase(spec, Map.of(), Inputs.INTEGERS, spec.apply(DType.F64).toString().hashCode());
  }

  private static List<OpCase> pointwise() {
    List<OpCase> cases = new ArrayList<>();
    for (Shape y :
        List.of(
            new Shape(1, 5, 7, 3),
            new Shape(2, 8, 9, 16),
            new Shape(5, 3, 3, 24),
            new Shape(2, 1, 1, 64))) {
      for (Wanted g : wanted(ANY, ONE)) {
        cases.add(integers(t -> Specs.activation(Activation.RELU, y, t, g.pass, g.dx)));
      }
      for (Wanted g : wanted(ANY, ANY)) {
        cases.add(integers(t -> Specs.add(y, t, g.pass, g.dx, g.other)));
      }
    }
    return cases;
  }

  private static List<OpCase> pools() {
    List<OpCase> cases = new ArrayList<>();
    for (Shape x :
        List.of(
            new Shape(1, 16, 16, 64),
            new Shape(2, 9, 7, 16),
            new Shape(5, 11, 8, 24),
            new Shape(1, 3, 4, 3))) {
      for (Wanted g : wanted(ANY, ONE)) {
        for (Inputs inputs : List.of(Inputs.INTEGERS, Inputs.NEGATIVE_INTEGERS)) {
          for (Window w : List.of(new Window(3, 2, 1), new Window(2, 2, 0))) {
            Shape y = through(x, w, x.c());
            cases.add(
                new OpCase(
                    t -> Specs.maxPool(x, y, w, t, g.pass, g.dx), Map.of(), inputs, cases.size()));
          }
        }
        Shape mean = new Shape(x.n(), 1, 1, x.c());
        cases.add(
            new OpCase(
                t -> Specs.globalAvgPool(x, mean, t, g.pass, g.dx),
                Map.of(),
                Inputs.MULTIPLES_OF_AREA,
                cases.size()));
      }
    }
    return cases;
  }

  private static List<OpCase> linear() {
    List<OpCase> cases = new ArrayList<>();
    for (int[] nck : new int[][] {{1, 3, 2}, {2, 64, 10}, {5, 24, 1000}, {2, 8, 1}, {5, 16, 24}}) {
      Shape x = new Shape(nck[0], 1, 1, nck[1]);
      Shape y = new Shape(nck[0], 1, 1, nck[2]);
      for (Wanted g : wanted(ANY, WRITTEN)) {
        cases.add(integers(t -> Specs.linear(x, y, t, g.pass, g.dx, g.other)));
      }
    }
    return cases;
  }

  /** Ops that would have to add to the gradients of parameters, or a norm to dx. */
  private static List<OpCase> accumulatingParameters() {
    Shape x = new Shape(2, 5, 6, 8);
    Shape features = new Shape(2, 1, 1, 8);
    Window w = new Window(3, 1, 1);
    GradientWrite o = GradientWrite.OVERWRITE;
    GradientWrite a = GradientWrite.ACCUMULATE;
    return List.of(
        integers(t -> Specs.conv(x, Specs.conv2d(8, 8, w), t, Pass.TRAINING, o, a)),
        integers(t -> Specs.linear(features, features, t, Pass.TRAINING, o, a)),
        norm(x, o, a),
        norm(x, a, o));
  }

  private static OpCase norm(Shape x, GradientWrite dx, GradientWrite parameters) {
    return new OpCase(
        t ->
            Specs.norm(
                x,
                1e-5,
                0.1,
                t,
                Pass.TRAINING,
                Mode.TRAIN,
                Residual.NONE,
                Activation.NONE,
                dx,
                parameters),
        Map.of(),
        Inputs.REALS,
        1);
  }

  /**
   * Values for every slot that the op reads or adds to or must leave alone; slots that it writes
   * are absent and stay poisoned.
   */
  public Map<Slot, double[]> values(DType type) {
    OpSpec op = spec.apply(type);
    Random random = new Random(seed);
    Map<Slot, double[]> values = new TreeMap<>();
    Set<Slot> given =
        op.operands().stream()
            .filter(o -> !o.reads().isEmpty())
            .map(Operand::slot)
            .collect(Collectors.toSet());
    // Drawn in the order of slots and for all, so that no gradient's values depend on the others.
    for (Slot slot : OpRun.slotsAndGradients(op)) {
      double[] v = new double[OpRun.elements(op, slot)];
      DType drawn = OpRun.type(op, slot);
      for (int i = 0; i < v.length; i++) {
        v[i] = OpRun.round(draw(op, slot, random), drawn);
      }
      if (given.contains(slot)) {
        values.put(slot, v);
      }
    }
    if (op.op() instanceof Op.BatchNorm && op.adds() && op.activates()) {
      keepOffTies(spec.apply(DType.F64), op.type(), values);
    } else if (clips(op)) {
      keepOffSix(spec.apply(DType.F64), values);
    }
    return values;
  }

  /** Whether it is a batch norm that is cut off at 6 in training. */
  private static boolean clips(OpSpec op) {
    return op.op() instanceof Op.BatchNorm
        && op.pass() == Pass.TRAINING
        && op.tail().contains(Activation.RELU6.op().orElseThrow());
  }

  /**
   * Moves the residual so that no sum is near a corner: there, one rounding decides whether the
   * whole gradient passes, and the comparison would measure that instead of the arithmetic.
   */
  private static void keepOffTies(OpSpec s, DType type, Map<Slot, double[]> values) {
    double[] sum = sum(s, values);
    double[] residual = values.get(Slot.RESIDUAL);
    for (double corner : clips(s) ? new double[] {0, SIX} : new double[] {0}) {
      for (int i = 0; i < sum.length; i++) {
        if (Math.abs(sum[i] - corner) < 0.125) {
          residual[i] = OpRun.round(residual[i] + Math.copySign(0.25, sum[i] - corner), type);
        }
      }
    }
  }

  /** Moves beta where there is no residual; in BF16, numbers from 5.98 on are rounded to 6. */
  private static void keepOffSix(OpSpec s, Map<Slot, double[]> values) {
    double[] sum = sum(s, values);
    double[] beta = values.get(Slot.BETA);
    for (int c = 0; c < beta.length; c++) {
      double moved = 0;
      for (int i = c; i < sum.length; i += beta.length) {
        if (Math.abs(sum[i] + moved - SIX) < 0.03) {
          moved += 0.0625;
          i = c - beta.length;
        }
      }
      beta[c] = OpRun.round(beta[c] + moved, DType.F32);
    }
  }

  /** What the activation gets. */
  private static double[] sum(OpSpec s, Map<Slot, double[]> values) {
    List<Op> tail = s.tail().stream().filter(o -> o.part() != Op.Part.ACTIVATION).toList();
    OpSpec open =
        new OpSpec(s.op(), tail, s.inputs(), s.output(), s.mode(), Pass.INFERENCE, Map.of());
    Set<Slot> given = OpRun.slots(open);
    Map<Slot, double[]> read = new TreeMap<>(values);
    read.keySet().retainAll(given);
    return OpRun.run(new ReferenceBackend(), open, read, Map.of()).get(Slot.Y);
  }

  private double draw(OpSpec op, Slot slot, Random random) {
    double area = op.x().h() * op.x().w();
    return switch (inputs) {
      case INTEGERS -> random.nextInt(9) - 4;
      case NEGATIVE_INTEGERS -> slot == Slot.X ? -1 - random.nextInt(5) : random.nextInt(9) - 4;
      case MULTIPLES_OF_AREA -> area * (random.nextInt(9) - 4);
      case REALS -> real(op, slot, random);
    };
  }

  private static double real(OpSpec op, Slot slot, Random random) {
    if (slot == Slot.RUNNING_VAR) {
      return 0.25 + random.nextDouble();
    } else if (slot == Slot.GAMMA) {
      double size = 0.5 + random.nextDouble();
      return (random.nextBoolean() ? 1 : -1) * (clips(op) ? 4 * size : size);
    } else if (slot == Slot.WEIGHT) {
      // A typical filter: the sum over its window has about the size of one input.
      return random.nextGaussian()
          / Math.sqrt(OpRun.elements(op, Slot.WEIGHT) / (double) op.y().c());
    }
    return random.nextGaussian() + (slot == Slot.X ? 0.5 : 0);
  }
}
