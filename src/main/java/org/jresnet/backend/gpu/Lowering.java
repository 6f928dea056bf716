package org.jresnet.backend.gpu;

import java.util.Optional;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.graph.Activation;
import org.jresnet.graph.AvgPool;
import org.jresnet.graph.ChannelShuffle;
import org.jresnet.graph.ChannelSlice;
import org.jresnet.graph.Concat;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.ConvTranspose2d;
import org.jresnet.graph.Dropout;
import org.jresnet.graph.MaxUnpool;
import org.jresnet.graph.Multiply;
import org.jresnet.graph.Op;
import org.jresnet.graph.Scale;
import org.jresnet.graph.Upsample;

/** Which plan computes an op. */
final class Lowering {
  private Lowering() {}

  /** How an op is computed. */
  static GpuPlan of(Planner planner, OpSpec spec) {
    Op op = spec.op();
    if (spec.inputs().stream().anyMatch(input -> input.quant().isPresent())) {
      return quantized(planner, spec);
    } else if (BlockedConvPlan.suits(spec)) {
      return Stem.plan(planner, spec, Optional.empty());
    } else if (spec.convolves()) {
      return new NormConvPlan(planner, spec);
    } else if (op instanceof Conv2d) {
      return spec.tail().isEmpty()
          ? new ConvPlan(planner, spec)
          : new FoldedConvPlan(planner, spec);
    } else if (op instanceof ConvTranspose2d) {
      return new ConvPlan(planner, spec);
    } else if (op instanceof Op.BatchNorm) {
      return new NormPlan(planner, spec);
    } else if (op instanceof Activation) {
      return new ActivationPlan(planner, spec);
    } else if (op instanceof Op.Add) {
      return new Pointwise.Add(planner, spec);
    } else if (op instanceof Op.MaxPool) {
      return new MaxPoolPlan(planner, spec);
    } else if (op instanceof Op.GlobalAvgPool) {
      return new Pointwise.GlobalAvgPool(planner, spec);
    } else if (op instanceof Op.Linear) {
      return new LinearPlan(planner, spec);
    } else if (op instanceof Multiply) {
      return new FactorPlan.Multiply(planner, spec);
    } else if (op instanceof Scale) {
      return new FactorPlan.Scaling(planner, spec);
    } else if (op instanceof Dropout && spec.mode() == Mode.TRAIN) {
      return new FactorPlan.Dropout(planner, spec);
    } else if (op instanceof Concat
        || op instanceof ChannelSlice
        || op instanceof ChannelShuffle
        || op instanceof Dropout) {
      return new MovePlan(planner, spec);
    } else if (op instanceof AvgPool || op instanceof Upsample || op instanceof MaxUnpool) {
      return new WindowPlan(planner, spec);
    }
    throw new UnsupportedOperationException("the gpu backend has no plan for " + spec);
  }

  private static GpuPlan quantized(Planner planner, OpSpec spec) {
    if (spec.op() instanceof Conv2d conv && spec.part(Op.Part.NORM).isPresent()) {
      return conv.groups() == 1
          ? new QuantizedConvPlan(planner, spec)
          : new QuantizedGroupsPlan(planner, spec);
    } else if (spec.op() instanceof Op.MaxPool || spec.op() instanceof Op.GlobalAvgPool) {
      return new QuantizedPoolPlan(planner, spec);
    } else if (spec.op() instanceof Multiply) {
      return new QuantizedMultiplyPlan(planner, spec);
    }
    throw new UnsupportedOperationException(
        "in int8 the gpu backend computes convolutions with a batch norm, multiplications, max"
            + " pools and global average pools, not "
            + spec
            + "; the cpu backend computes it, or use bf16");
  }
}
