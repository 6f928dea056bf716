package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.FORWARD;

import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;

/** Pools of bytes, by kernels of our own: the largest byte of a window, or the mean of an image. */
final class QuantizedPoolPlan extends GpuPlan {
  QuantizedPoolPlan(Planner planner, OpSpec spec) {
    super(planner, spec);
  }

  @Override
  protected void build(GpuBinding op, Operands operands) {
    Arguments arguments = new Arguments().add(op.at(Slot.X).address()).add(op.at(Slot.Y).address());
    Shape x = spec.x();
    Shape y = spec.y();
    if (spec.op() instanceof Op.MaxPool pool) {
      arguments.add(x.h()).add(x.w()).add(x.c()).add(y.h()).add(y.w());
      arguments.add(pool.kernel()).add(pool.stride()).add(pool.padding()).add(y.elements());
      op.kernel(FORWARD, "maxPoolBytes", y.elements(), x.elements() + y.elements(), arguments);
    } else {
      arguments.add(x.n()).add(x.h() * x.w()).add(x.c());
      arguments
          .add(QuantizedTail.zero(spec.inputs().get(0)))
          .add((float) QuantizedTail.scale(spec.inputs().get(0)).scale());
      op.kernel(FORWARD, "meanBytes", y.elements(), x.elements() + 4 * y.elements(), arguments);
    }
  }
}
