package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Phase;
import org.jresnet.graph.AvgPool;
import org.jresnet.graph.MaxUnpool;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.graph.Upsample;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;

/** Average pool, max unpool and up-sampling: kernels of our own. */
final class WindowPlan extends GpuPlan {
  private final String type;

  WindowPlan(Planner planner, OpSpec spec) {
    super(planner, spec);
    type = Gpu.suffix(spec.type());
  }

  @Override
  protected void build(GpuBinding op, Operands operands) {
    if (spec.op() instanceof AvgPool pool) {
      averages(op, pool);
    } else if (spec.op() instanceof MaxUnpool pool) {
      unpools(op, pool);
    } else {
      repeats(op, ((Upsample) spec.op()).scale());
    }
  }

  private void kernel(GpuBinding op, Phase phase, String name, Shape over, Arguments arguments) {
    long bytes = (spec.x().elements() + spec.y().elements()) * spec.type().bytes();
    op.kernel(phase, name + "_" + type, over.elements(), bytes, arguments);
  }

  private boolean trains() {
    return spec.write(Slot.DX) != GradientWrite.NONE;
  }

  private static Arguments extents(Arguments arguments, Shape large, Shape small) {
    return arguments
        .add(large.n())
        .add(large.h())
        .add(large.w())
        .add(large.c())
        .add(small.h())
        .add(small.w());
  }

  private void averages(GpuBinding op, AvgPool pool) {
    int whole = pool.divisor() == AvgPool.Divisor.WINDOW ? 1 : 0;
    Arguments forward = new Arguments().add(op.at(Slot.X).address()).add(op.at(Slot.Y).address());
    extents(forward, spec.x(), spec.y())
        .add(pool.kernel())
        .add(pool.stride())
        .add(pool.padding())
        .add(whole);
    kernel(op, FORWARD, "average", spec.y(), forward);
    if (trains()) {
      Arguments backward =
          new Arguments().add(op.at(Slot.DY).address()).add(op.at(Slot.DX).address());
      extents(backward, spec.x(), spec.y())
          .add(pool.kernel())
          .add(pool.stride())
          .add(pool.padding())
          .add(whole)
          .add(adds(Slot.DX));
      kernel(op, BACKWARD, "averageBackward", spec.x(), backward);
    }
  }

  private void unpools(GpuBinding op, MaxUnpool pool) {
    Arguments forward =
        new Arguments()
            .add(op.at(Slot.X).address())
            .add(op.at(Slot.RESIDUAL).address())
            .add(op.at(Slot.Y).address());
    extents(forward, spec.y(), spec.x()).add(pool.kernel()).add(pool.stride()).add(pool.padding());
    kernel(op, FORWARD, "unpool", spec.y(), forward);
    if (trains()) {
      Arguments backward =
          new Arguments()
              .add(op.at(Slot.DY).address())
              .add(op.at(Slot.RESIDUAL).address())
              .add(op.at(Slot.DX).address());
      extents(backward, spec.y(), spec.x())
          .add(pool.kernel())
          .add(pool.stride())
          .add(pool.padding())
          .add(adds(Slot.DX));
      kernel(op, BACKWARD, "unpoolBackward", spec.x(), backward);
    }
  }

  private void repeats(GpuBinding op, int scale) {
    Arguments forward =
        new Arguments()
            .add(op.at(Slot.X).address())
            .add(op.at(Slot.Y).address())
            .add(spec.x().w())
            .add(spec.x().c())
            .add(scale)
            .add(spec.y().elements());
    kernel(op, FORWARD, "upsample", spec.y(), forward);
    if (trains()) {
      Arguments backward =
          new Arguments()
              .add(op.at(Slot.DY).address())
              .add(op.at(Slot.DX).address())
              .add(spec.x().w())
              .add(spec.x().c())
              .add(scale)
              .add(adds(Slot.DX))
              .add(spec.x().elements());
      kernel(op, BACKWARD, "upsampleBackward", spec.x(), backward);
    }
  }
}
