package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import org.jresnet.backend.Draws;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Phase;
import org.jresnet.graph.Scale;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;

/** Ops that multiply each element with a factor: kernels of our own. */
final class FactorPlan {
  private FactorPlan() {}

  /** A factor per element, or per image and channel. */
  static final class Multiply extends GpuPlan {
    private final String type;
    private final boolean broadcasts;

    Multiply(Planner planner, OpSpec spec) {
      super(planner, spec);
      type = Gpu.suffix(spec.type());
      broadcasts = !spec.inputs().get(1).shape().equals(spec.x());
    }

    @Override
    protected void build(GpuBinding op, Operands operands) {
      long image = spec.x().elements() / spec.x().n();
      long span = broadcasts ? image : spec.x().c();
      product(op, FORWARD, Slot.X, Slot.RESIDUAL, Slot.Y, span);
      if (spec.write(Slot.DX) != GradientWrite.NONE) {
        product(op, BACKWARD, Slot.DY, Slot.RESIDUAL, Slot.DX, span);
      }
      if (spec.write(Slot.DRESIDUAL) != GradientWrite.NONE) {
        if (broadcasts) {
          sums(op);
        } else {
          product(op, BACKWARD, Slot.DY, Slot.X, Slot.DRESIDUAL, span);
        }
      }
    }

    private void product(GpuBinding op, Phase phase, Slot a, Slot b, Slot y, long span) {
      long elements = spec.x().elements();
      int adds = adds(y);
      op.kernel(
          phase,
          "multiply_" + type,
          elements,
          (3 + adds) * elements * spec.type().bytes(),
          new Arguments()
              .add(op.at(a).address())
              .add(op.at(b).address())
              .add(op.at(y).address())
              .add(span)
              .add(spec.x().c())
              .add(adds)
              .add(elements));
    }

    private void sums(GpuBinding op) {
      Shape x = spec.x();
      op.kernel(
          BACKWARD,
          "multiplySums_" + type,
          (long) x.n() * x.c(),
          2 * x.elements() * spec.type().bytes(),
          new Arguments()
              .add(op.at(Slot.DY).address())
              .add(op.at(Slot.X).address())
              .add(op.at(Slot.DRESIDUAL).address())
              .add(x.n())
              .add(x.h() * x.w())
              .add(x.c())
              .add(adds(Slot.DRESIDUAL)));
    }
  }

  /** Dropout and stochastic depth in training; the key is read from memory in each run. */
  static final class Dropout extends GpuPlan {
    private final Draws draws;

    Dropout(Planner planner, OpSpec spec) {
      super(planner, spec);
      draws = Draws.of(spec);
    }

    @Override
    protected void build(GpuBinding op, Operands operands) {
      multiply(op, FORWARD, Slot.X, Slot.Y);
      if (spec.write(Slot.DX) != GradientWrite.NONE) {
        multiply(op, BACKWARD, Slot.DY, Slot.DX);
      }
    }

    private void multiply(GpuBinding op, Phase phase, Slot from, Slot to) {
      long elements = spec.y().elements();
      int adds = adds(to);
      op.kernel(
          phase,
          "dropout_" + Gpu.suffix(spec.type()),
          elements,
          (2 + adds) * elements * spec.type().bytes(),
          new Arguments()
              .add(op.at(from).address())
              .add(op.at(to).address())
              .add(op.at(Slot.KEY).address())
              .add(draws.dropped())
              .add((float) draws.scale())
              .add(draws.unit())
              .add(adds)
              .add(elements));
    }
  }

  /** One factor for all elements. */
  static final class Scaling extends GpuPlan {
    Scaling(Planner planner, OpSpec spec) {
      super(planner, spec);
    }

    @Override
    protected void build(GpuBinding op, Operands operands) {
      scale(op, FORWARD, Slot.X, Slot.Y);
      if (spec.write(Slot.DX) != GradientWrite.NONE) {
        scale(op, BACKWARD, Slot.DY, Slot.DX);
      }
    }

    private void scale(GpuBinding op, Phase phase, Slot from, Slot to) {
      long elements = spec.y().elements();
      int adds = adds(to);
      op.vectorised(
          phase,
          "scale_" + Gpu.suffix(spec.type()),
          elements,
          (2 + adds) * elements * spec.type().bytes(),
          new Arguments()
              .add(op.at(from).address())
              .add(op.at(to).address())
              .add((float) ((Scale) spec.op()).factor())
              .add(adds)
              .add(elements));
    }
  }
}
