package org.jresnet.backend.gpu;

import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.backend.gpu.Planner.Arithmetic;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.Convolution;
import org.jresnet.nativebindings.cuda.OpGraph.Value;
import org.jresnet.nativebindings.cuda.Statistics;

/**
 * Engines of convolutions that sum what they write, and its squares, per channel: the norm behind
 * them then reads it once, not twice.
 */
final class SummedConv {
  private SummedConv() {}

  /** Why a convolution that trains cannot; empty if it can. */
  static Optional<String> refusal(Planner planner, OpSpec spec) {
    Conv2d conv = (Conv2d) spec.op();
    return shortcoming(spec, conv)
        .or(
            () ->
                engine(planner, spec).isPresent()
                    ? Optional.empty()
                    : planner.refusal(key(spec), spec.type()));
  }

  /** What cuDNN need not be asked for. */
  static Optional<String> shortcoming(OpSpec spec, Conv2d conv) {
    if (spec.type() != DType.BF16 && spec.type() != DType.F16) {
      return Optional.of("only in bf16 and fp16");
    } else if (spec.pass() != Pass.TRAINING || spec.mode() != Mode.TRAIN) {
      return Optional.of("its weights are frozen");
    } else if (conv.bias() != Conv2d.Bias.NONE) {
      return Optional.of("it has a bias");
    } else if (conv.k() % 8 != 0) {
      return Optional.of("8 does not divide its " + conv.k() + " channels");
    }
    return Optional.empty();
  }

  static Optional<Planned> engine(Planner planner, OpSpec spec) {
    Conv2d conv = (Conv2d) spec.op();
    return planner.plan(
        key(spec),
        spec.type(),
        Arithmetic.PRODUCTS,
        d -> {
          Value y = d.tensor("y", spec.y());
          new Convolution(d.graph, GpuPlan.geometry(conv))
              .forward(d.tensor("x", spec.x()), d.filter("w", conv), y);
          draft(d, y, conv.k());
        });
  }

  private static String key(OpSpec spec) {
    return "convolution forward + statistics "
        + GpuPlan.text(spec.x(), spec.y(), (Conv2d) spec.op());
  }

  /** Adds the sums to a graph. */
  static void draft(Draft d, Value y, int channels) {
    new Statistics(d.graph).sums(y, d.channels("sum", channels), d.channels("squares", channels));
  }

  /** Says where the sums go. */
  static void place(GpuBinding op, Map<String, Place> places) {
    Place sums = op.at(Slot.Y_SUMS);
    places.put("sum", sums);
    places.put("squares", sums.plus(4L * op.spec().y().c()));
  }
}
