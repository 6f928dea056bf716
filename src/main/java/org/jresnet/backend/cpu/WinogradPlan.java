package org.jresnet.backend.cpu;

import org.jresnet.backend.OpSpec;
import org.jresnet.backend.cpu.vector.WinogradConv;
import org.jresnet.backend.cpu.vector.WinogradShape;
import org.jresnet.backend.cpu.vector.WinogradWeights;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Axis;
import org.jresnet.graph.Conv2d;

/** A product of a 3x3 convolution with stride 1 by Winograd's algorithm. */
final class WinogradPlan extends PackedConvPlan {
  /** Filters, each of which becomes 144 bytes in the Java heap: 300 MB. */
  private static final long MOST_FILTERS = 2 << 20;

  WinogradPlan(OwnKernels kernels, OpSpec spec) {
    super(
        kernels,
        spec,
        "java:winograd4x4",
        (adjoint, tail) ->
            new WinogradConv(
                adjoint ? shape(spec).backward() : shape(spec), adjoint, tail, kernels.scratch()),
        () -> new WinogradWeights(shape(spec), kernels.scratch()));
  }

  /** Whether this plan can compute that part of an op. */
  static boolean suits(Part part) {
    OpSpec spec = part.spec();
    return spec.op() instanceof Conv2d op
        && op.groups() == 1
        && suits(op.rows())
        && op.rows().equals(op.columns())
        && suits(spec)
        && spec.activation().stream().allMatch(a -> a.function() == Activation.Function.RELU)
        && (long) op.c() * op.k() <= MOST_FILTERS
        && WinogradShape.suits(op.c(), op.k());
  }

  private static boolean suits(Axis axis) {
    return axis.size() == 3 && axis.stride() == 1 && axis.dilation() == 1 && axis.padding() < 3;
  }

  private static WinogradShape shape(OpSpec spec) {
    Conv2d op = (Conv2d) spec.op();
    return new WinogradShape(
        spec.x().n(), spec.x().h(), spec.x().w(), op.c(), op.k(), op.rows().padding());
  }
}
