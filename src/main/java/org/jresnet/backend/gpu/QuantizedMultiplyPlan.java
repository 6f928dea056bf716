package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.FORWARD;

import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;

/** Bytes times factors in single precision, per element or per image and channel. */
final class QuantizedMultiplyPlan extends GpuPlan {
  QuantizedMultiplyPlan(Planner planner, OpSpec spec) {
    super(planner, spec);
    if (spec.inputs().get(1).type() != DType.F32) {
      throw new UnsupportedOperationException(
          "in int8 the gpu backend multiplies bytes by factors in single precision, not by other"
              + " bytes: "
              + spec);
    }
  }

  @Override
  protected void build(GpuBinding op, Operands operands) {
    Shape x = spec.x();
    Shape factors = spec.inputs().get(1).shape();
    long span = factors.equals(x) ? x.c() : x.elements() / x.n();
    double scale = QuantizedTail.scale(spec.inputs().get(0)).scale();
    op.kernel(
        FORWARD,
        "multiplyBytes",
        (x.elements() + 15) / 16,
        2 * x.elements() + Float.BYTES * factors.elements(),
        new Arguments()
            .add(op.at(Slot.X).address())
            .add(op.at(Slot.RESIDUAL).address())
            .add(op.at(Slot.Y).address())
            .add(span)
            .add(x.c())
            .add(QuantizedTail.zero(spec.inputs().get(0)))
            .add((float) (scale / QuantizedTail.scale(spec.output()).scale()))
            .add(QuantizedTail.zero(spec.output()))
            .add(x.elements()));
  }
}
