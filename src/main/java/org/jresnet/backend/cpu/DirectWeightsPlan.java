package org.jresnet.backend.cpu;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.cpu.vector.DirectWeights;
import org.jresnet.backend.cpu.vector.FilterGradient;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Slot;

/** The gradient of a convolution's filters, summed directly by a kernel of our own. */
final class DirectWeightsPlan extends CpuPlan {
  private static final String NAME = "java:direct";

  private final OwnKernels kernels;
  private final FilterGradient weights;

  DirectWeightsPlan(OwnKernels kernels, OpSpec spec) {
    super(kernels.dnn(), spec);
    requireNoAccumulation(spec.write(Slot.DWEIGHT), "dweight");
    this.kernels = kernels;
    Conv2d op = (Conv2d) spec.op();
    weights =
        new DirectWeights(
            new DirectWeights.Shape(
                spec.x().n(),
                spec.x().h(),
                spec.x().w(),
                op.c(),
                op.k(),
                OwnKernels.window(op.rows()),
                OwnKernels.window(op.columns())),
            kernels.scratch());
  }

  /** Whether this plan can compute that part of an op. */
  static boolean suits(Part part) {
    OpSpec spec = part.spec();
    return spec.op() instanceof Conv2d op
        && op.groups() == 1
        && spec.write(Slot.DWEIGHT) != GradientWrite.NONE
        && spec.write(Slot.DX) == GradientWrite.NONE
        && spec.write(Slot.DBIAS) == GradientWrite.NONE
        && (spec.type() == DType.F32 || spec.type() == DType.BF16)
        && DirectWeights.suits(op.c(), op.k());
  }

  @Override
  public String implementation() {
    return NAME;
  }

  @Override
  protected void build(CpuBinding op, Operands operands) {
    kernels.filterGradient(op, operands, weights, NAME);
  }
}
