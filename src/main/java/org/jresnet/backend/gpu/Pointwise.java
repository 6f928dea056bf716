package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Phase;
import org.jresnet.graph.DType;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;

/** Ops that touch each element on its own, and the global average pool: kernels of our own. */
final class Pointwise {
  private Pointwise() {}

  /** {@code y = a + b} */
  static void add(
      GpuBinding op, Phase phase, DType type, long elements, Place a, Place b, Place y) {
    op.vectorised(
        phase,
        "add_" + Gpu.suffix(type),
        elements,
        3 * elements * type.bytes(),
        new Arguments().add(a.address()).add(b.address()).add(y.address()).add(elements));
  }

  /** Single precision to the type of activations. */
  static void narrow(GpuBinding op, Phase phase, DType type, long elements, Place from, Place to) {
    op.kernel(
        phase,
        "narrow_" + Gpu.suffix(type),
        elements,
        elements * (4 + type.bytes()),
        new Arguments().add(from.address()).add(to.address()).add(0).add(elements));
  }

  /** {@code y[…][k] += bias[k]}, y in the given place and type. */
  static void addBias(GpuBinding op, OpSpec spec, Place y) {
    long elements = spec.y().elements();
    DType type = spec.output().type();
    op.kernel(
        FORWARD,
        "addBias_" + Gpu.suffix(type),
        elements,
        2 * elements * type.bytes(),
        new Arguments()
            .add(y.address())
            .add(op.at(Slot.BIAS).address())
            .add(spec.y().c())
            .add(elements));
  }

  /** {@code y = x + residual}; both gradients are dy. */
  static final class Add extends GpuPlan {

    Add(Planner planner, OpSpec spec) {
      super(planner, spec);
    }

    @Override
    protected void build(GpuBinding op, Operands operands) {
      add(
          op,
          FORWARD,
          spec.type(),
          spec.y().elements(),
          op.at(Slot.X),
          op.at(Slot.RESIDUAL),
          op.at(Slot.Y));
      share(op, spec.write(Slot.DX), Slot.DX);
      share(op, spec.write(Slot.DRESIDUAL), Slot.DRESIDUAL);
    }

    private void share(GpuBinding op, GradientWrite policy, Slot slot) {
      long elements = spec.y().elements();
      if (policy == GradientWrite.OVERWRITE) {
        op.copy(BACKWARD, op.at(Slot.DY), op.at(slot), elements * spec.type().bytes());
      } else if (policy == GradientWrite.ACCUMULATE) {
        add(op, BACKWARD, spec.type(), elements, op.at(slot), op.at(Slot.DY), op.at(slot));
      }
    }
  }

  /** Mean over h and w. */
  static final class GlobalAvgPool extends GpuPlan {

    GlobalAvgPool(Planner planner, OpSpec spec) {
      super(planner, spec);
    }

    @Override
    protected void build(GpuBinding op, Operands operands) {
      int n = spec.x().n();
      int c = spec.x().c();
      int pixels = spec.x().h() * spec.x().w();
      long bytes = spec.x().elements() * spec.type().bytes();
      String type = Gpu.suffix(spec.type());
      op.kernel(
          FORWARD,
          "mean_" + type,
          (long) n * c,
          bytes,
          new Arguments()
              .add(op.at(Slot.X).address())
              .add(op.at(Slot.Y).address())
              .add(n)
              .add(pixels)
              .add(c));
      if (spec.write(Slot.DX) != GradientWrite.NONE) {
        op.kernel(
            BACKWARD,
            "meanBackward_" + type,
            spec.x().elements(),
            (1 + adds(Slot.DX)) * bytes,
            new Arguments()
                .add(op.at(Slot.DY).address())
                .add(op.at(Slot.DX).address())
                .add(n)
                .add(pixels)
                .add(c)
                .add(adds(Slot.DX)));
      }
    }
  }
}
