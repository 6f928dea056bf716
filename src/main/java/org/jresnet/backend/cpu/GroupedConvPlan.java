package org.jresnet.backend.cpu;

import org.jresnet.backend.OpSpec;
import org.jresnet.backend.cpu.vector.GroupedConv;
import org.jresnet.backend.cpu.vector.GroupedShape;
import org.jresnet.backend.cpu.vector.GroupedWeights;
import org.jresnet.graph.Conv2d;

/** A product of a depthwise convolution, or of one in groups of whole vectors. */
final class GroupedConvPlan extends PackedConvPlan {
  GroupedConvPlan(OwnKernels kernels, OpSpec spec) {
    super(
        kernels,
        spec,
        "java:grouped",
        (adjoint, tail) -> GroupedConv.of(shape(spec), adjoint, tail, kernels.scratch()),
        () -> new GroupedWeights(shape(spec), kernels.scratch()));
  }

  private static GroupedShape shape(OpSpec spec) {
    Conv2d op = (Conv2d) spec.op();
    return new GroupedShape(
        spec.x().n(),
        spec.x().h(),
        spec.x().w(),
        op.c(),
        op.k(),
        op.groups(),
        OwnKernels.window(op.rows()),
        OwnKernels.window(op.columns()));
  }

  /** Whether this plan can compute that part of an op. */
  static boolean suits(Part part) {
    OpSpec spec = part.spec();
    return spec.op() instanceof Conv2d op
        && op.groups() > 1
        && op.rows().dilation() == 1
        && op.columns().dilation() == 1
        && suits(spec)
        && spec.output().type() == spec.type()
        && spec.activation().stream().allMatch(a -> curve(a) != null)
        && GroupedShape.suits(op.c(), op.k(), op.groups());
  }
}
