package org.jresnet.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.jresnet.backend.Backend;
import org.jresnet.backend.OpSpec;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Op;
import org.jresnet.graph.Slot;

/**
 * Backward against central differences of {@code L = Σ dy·y} in double precision, with a random
 * cotangent dy: with dy = 1 the input gradients of batch norm and softmax are zero whatever the
 * code says.
 *
 * <p>Each evaluation starts from the same inputs, running statistics included. Inputs keep away
 * from where ReLU and max have a corner.
 */
public final class GradientCheck {
  /** Rounding adds about 1e-16/STEP to the difference, curvature about STEP². */
  private static final double STEP = 1e-5;

  /** Nothing may be nearer to a corner. */
  public static final double MARGIN = 1e-3;

  private static final double RELATIVE = 1e-6;
  private static final double ABSOLUTE = 1e-9;

  /** Where activations have corners. */
  private static final double[] CORNERS = {-3, 0, 3, 6};

  /**
   * The worst element of a gradient.
   *
   * @param checked elements that were checked
   * @param nonZero of these, how many backward does not give as zero
   * @param element its index, row-major
   * @param backward what backward gives
   * @param difference what the central difference gives
   * @param error their distance
   * @param allowed 1e-6 of the difference, or 1e-9 where that is more
   */
  public record Result(
      int checked,
      int nonZero,
      int element,
      double backward,
      double difference,
      double error,
      double allowed) {
    /** Whether every element is near enough, and one is not zero: all zeros would prove nothing. */
    public boolean ok() {
      return error <= allowed && nonZero > 0;
    }

    /** Error of the worst element relative to the difference. */
    public double relative() {
      return error / Math.max(Math.abs(difference), ABSOLUTE / RELATIVE);
    }
  }

  private final Backend backend;
  private final OpSpec spec;
  private final Map<Slot, double[]> inputs;

  /**
   * A check of an op at those inputs.
   *
   * @param backend that computes in double precision
   * @param spec what it computes, with the gradients to check
   */
  public GradientCheck(Backend backend, OpSpec spec, Map<Slot, double[]> inputs) {
    this.backend = backend;
    this.spec = spec;
    this.inputs = inputs;
  }

  /** Random inputs of an op away from its corners: tails that activate are up to the caller. */
  public static Map<Slot, double[]> inputs(OpSpec spec, Random random) {
    Map<Slot, double[]> inputs = new TreeMap<>();
    for (Slot slot : OpRun.slots(spec)) {
      boolean written = slot == Slot.Y || spec.gradients().containsKey(slot);
      if (!written) {
        double offset = slot == Slot.RUNNING_VAR ? 1.5 : 0;
        inputs.put(
            slot, random.doubles(OpRun.elements(spec, slot), -1, 1).map(v -> offset + v).toArray());
      }
    }
    double[] x = inputs.get(Slot.X);
    if (spec.op() instanceof Activation) {
      Arrays.setAll(x, i -> offCorners(8 * x[i]));
    } else if (spec.op() instanceof Op.MaxPool) {
      // A shuffled ladder: any two values differ by more than the margin.
      List<Integer> order = new ArrayList<>(IntStream.range(0, x.length).boxed().toList());
      Collections.shuffle(order, random);
      Arrays.setAll(x, i -> 2 * MARGIN * order.get(i));
    }
    return inputs;
  }

  /** Moves a number that is near to a corner of some activation. */
  private static double offCorners(double x) {
    for (double corner : CORNERS) {
      if (Math.abs(x - corner) < MARGIN) {
        return corner + Math.copySign(MARGIN, x - corner);
      }
    }
    return x;
  }

  /**
   * Checks every gradient of the spec.
   *
   * @param most elements of each that are checked, drawn at random where there are more
   */
  public Map<Slot, Result> run(int most, Random random) {
    Map<Slot, double[]> backward = OpRun.run(backend, spec, inputs, Map.of());
    double[] dy = inputs.get(Slot.DY);
    Map<Slot, Result> results = new TreeMap<>();
    for (Slot gradient : spec.gradients().keySet()) {
      Slot slot = gradient.gradientOf().orElseThrow();
      ToDoubleFunction<double[]> loss =
          changed -> {
            Map<Slot, double[]> copy = new TreeMap<>(inputs);
            copy.put(slot, changed);
            double[] y = OpRun.run(backend, spec, copy, Map.of()).get(Slot.Y);
            return IntStream.range(0, y.length).mapToDouble(i -> y[i] * dy[i]).sum();
          };
      int[] elements = elements(inputs.get(slot).length, most, random);
      results.put(gradient, worst(inputs.get(slot), backward.get(gradient), loss, elements));
    }
    return results;
  }

  private static int[] elements(int count, int most, Random random) {
    return count <= most
        ? IntStream.range(0, count).toArray()
        : random.ints(0, count).distinct().limit(most).sorted().toArray();
  }

  /**
   * Elements of a gradient against central differences.
   *
   * @param at where the loss is differentiated
   * @param gradient what backward says
   */
  public static Result worst(
      double[] at, double[] gradient, ToDoubleFunction<double[]> loss, int[] elements) {
    Result worst = new Result(elements.length, 0, -1, 0, 0, 0, ABSOLUTE);
    int nonZero = 0;
    for (int i : elements) {
      double[] changed = at.clone();
      changed[i] = at[i] + STEP;
      double above = loss.applyAsDouble(changed);
      changed[i] = at[i] - STEP;
      double below = loss.applyAsDouble(changed);
      // Divided by the distance that the two points really have.
      double numeric = (above - below) / (at[i] + STEP - changed[i]);
      double error = Math.abs(gradient[i] - numeric);
      double allowed = Math.max(ABSOLUTE, RELATIVE * Math.abs(numeric));
      nonZero += gradient[i] != 0 ? 1 : 0;
      // Written so that NaN is the worst of all.
      if (worst.element < 0 || !(error / allowed <= worst.error / worst.allowed)) {
        worst = new Result(elements.length, 0, i, gradient[i], numeric, error, allowed);
      }
    }
    return new Result(
        worst.checked,
        nonZero,
        worst.element,
        worst.backward,
        worst.difference,
        worst.error,
        worst.allowed);
  }
}
