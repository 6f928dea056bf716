package org.jresnet.check;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Precision;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Slot;

/** One op of a backend against another backend, in memory that shows what should not be touched. */
public final class OpCheck {
  /** A backend and what it computes in. */
  public record Side(Backend backend, Precision precision) {}

  private OpCheck() {}

  /**
   * Runs a case on both sides, with the same inputs: those that the tested side can represent.
   *
   * @return a comparison per tensor of the op, in the order of slots
   */
  public static List<Comparison> run(Side tested, Side trusted, OpCase op) {
    OpSpec spec = op.spec().apply(tested.precision().activation());
    OpSpec other = op.spec().apply(trusted.precision().activation());
    Map<Slot, double[]> inputs = op.values(spec.type());
    Map<Slot, double[]> expected = OpRun.run(trusted.backend(), other, inputs, Map.of());
    expected.keySet().retainAll(OpRun.written(other));
    boolean exact =
        !isHalf(spec.type()) && !isHalf(other.type()) && op.inputs() != OpCase.Inputs.REALS;
    Bound bound =
        exact
            ? new Bound.Exact()
            : other.type().bytes() < spec.type().bytes()
                ? bound(trusted.backend(), other)
                : bound(tested.backend(), spec);
    return compare(tested.backend(), spec, op.aliases(), new Given(inputs, expected), bound);
  }

  private static boolean isHalf(DType type) {
    return type == DType.BF16 || type == DType.F16;
  }

  /**
   * How far real-valued results of a backend may lie from those of double precision. Whole numbers
   * are exact: their sums stay below 2^24.
   */
  public static Bound bound(Backend backend, OpSpec spec) {
    return switch (spec.type()) {
      // Another order of a few thousand additions.
      case F64 -> new Bound.Largest(1e-12);
      case BF16 -> new Bound.Norm(1e-2);
      case F16, TF32 -> new Bound.Norm(2e-3);
      default ->
          // Without fused multiply-add each product is rounded, too: twice as many roundings.
          new Bound.Largest(
              backend.name().equals("cpu") && !backend.description().contains("sse41")
                  ? 1e-6
                  : 2e-6);
    };
  }

  /** What goes into an op, and what it must give: the slots that it writes. */
  public record Given(Map<Slot, double[]> inputs, Map<Slot, double[]> expected) {}

  /** Runs the op; what is not expected to be written must keep its bits. */
  public static List<Comparison> compare(
      Backend backend, OpSpec spec, Map<Slot, Slot> aliases, Given given, Bound bound) {
    List<Comparison> all = new ArrayList<>();
    Map<Slot, double[]> actual = OpRun.run(backend, spec, given.inputs, aliases);
    actual.forEach(
        (slot, values) -> {
          boolean overwritten =
              aliases.entrySet().stream()
                  .anyMatch(
                      e ->
                          e.getKey().equals(slot) && given.expected.containsKey(e.getValue())
                              || e.getValue().equals(slot)
                                  && given.expected.containsKey(e.getKey()));
          int[] extents = OpRun.extents(spec, slot);
          if (given.expected.containsKey(slot)) {
            Bound here =
                bound instanceof Bound.Largest b ? cancelling(spec, slot, given.inputs, b) : bound;
            all.add(here.compare(slot.id(), extents, values, given.expected.get(slot)));
          } else if (!overwritten) {
            all.add(
                new Bound.Untouched()
                    .compare(
                        slot.id() + ", not to be written",
                        extents,
                        values,
                        given.inputs.get(slot)));
          }
        });
    return all;
  }

  /**
   * With two values per channel, x̂ is ±1 but for eps, and the terms of a batch norm's dx cancel to
   * almost nothing: g − dbeta/m − x̂·dgamma/m = O(eps). No arithmetic can be exact relative to
   * that; the error is that of the terms, which are at most |gamma|/√(var+eps)·|g|.
   */
  private static Bound cancelling(
      OpSpec spec, Slot slot, Map<Slot, double[]> inputs, Bound.Largest bound) {
    if (!slot.equals(Slot.DX)
        || !(spec.op() instanceof Op.BatchNorm norm)
        || spec.mode() == Mode.EVALUATE
        || spec.y().perChannel() > 2) {
      return bound;
    }
    double largest = 0;
    int channels = spec.y().c();
    for (int c = 0; c < channels; c++) {
      double half = (inputs.get(Slot.X)[c] - inputs.get(Slot.X)[channels + c]) / 2;
      double scale = Math.abs(inputs.get(Slot.GAMMA)[c]) / Math.sqrt(half * half + norm.eps());
      double g =
          Math.max(Math.abs(inputs.get(Slot.DY)[c]), Math.abs(inputs.get(Slot.DY)[channels + c]));
      largest = Math.max(largest, scale * g);
    }
    return new Bound.Absolute(3 * bound.relative() * largest);
  }
}
