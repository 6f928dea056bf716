package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;
import static org.jresnet.backend.Phase.PREPARE;

import java.util.Map;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.gpu.Planner.Arithmetic;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.Convolution;
import org.jresnet.nativebindings.cuda.Geometry;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;

/**
 * Convolution. cuDNN wants filters as k r s c in the activation type: master weights are packed
 * once per step and kept for backward, gradients are unpacked into the arena. A 1x1 filter in
 * single precision is its own packed form.
 */
final class ConvPlan extends GpuPlan {
  private final Planned forward;
  private final Planned backwardData;
  private final Planned backwardFilter;
  private final String type;
  private final boolean packed;
  private final int k;
  private final int c;
  private final int rs;
  private final long filterBytes;

  ConvPlan(Planner planner, OpSpec spec) {
    super(planner, spec);
    requireNoAccumulation(spec.write(Slot.DWEIGHT), "dweight");
    type = Gpu.suffix(spec.type());
    k = spec.y().c();
    c = spec.x().c();
    Op.Conv2d conv = (Op.Conv2d) spec.op();
    int r = conv.kernel();
    rs = r * r;
    packed = spec.type() == DType.BF16 || spec.type() == DType.F16 || r > 1;
    filterBytes = (long) k * c * rs * spec.type().bytes();
    Geometry geometry = new Geometry(r, conv.stride(), conv.padding());
    String extents = text(spec.x()) + " to " + text(spec.y()) + " by " + text(geometry);
    forward =
        use(
            planner.plan(
                "convolution forward " + extents,
                spec.type(),
                Arithmetic.PRODUCTS,
                d ->
                    new Convolution(d.graph, geometry)
                        .forward(
                            d.tensor("x", spec.x()),
                            d.filter("w", k, c, r),
                            d.tensor("y", spec.y()))),
            "the convolution");
    if (packed && training()) {
      saved(filterBytes);
    } else if (packed) {
      packed(filterBytes);
    }
    backwardData =
        spec.write(Slot.DX) == GradientWrite.NONE
            ? null
            : use(
                planner.plan(
                    "convolution backward data " + extents,
                    spec.type(),
                    Arithmetic.PRODUCTS,
                    d ->
                        new Convolution(d.graph, geometry)
                            .backwardData(
                                d.tensor("dy", spec.y()),
                                d.filter("w", k, c, r),
                                d.tensor("dx", spec.x()))),
                "the gradient of the convolution's input");
    backwardFilter =
        spec.write(Slot.DWEIGHT) == GradientWrite.NONE
            ? null
            : use(
                planner.plan(
                    "convolution backward weights " + extents,
                    spec.type(),
                    Arithmetic.PRODUCTS,
                    d ->
                        new Convolution(d.graph, geometry)
                            .backwardFilter(
                                d.tensor("x", spec.x()),
                                d.tensor("dy", spec.y()),
                                d.filter("dw", k, c, r))),
                "the gradient of the convolution's weights");
    if (backwardFilter != null && packed) {
      temporaries(filterBytes);
    }
    if (spec.write(Slot.DX) == GradientWrite.ACCUMULATE) {
      temporaries(spec.x().elements() * spec.type().bytes());
    }
  }

  @Override
  protected void build(GpuBinding op, Operands operands) {
    Place weight = op.at(Slot.WEIGHT);
    Place filter = weight;
    long elements = (long) k * c * rs;
    if (packed) {
      filter = op.at(training() ? Slot.SAVED : Slot.PACKED);
      op.kernel(
          training() ? FORWARD : PREPARE,
          "pack_" + type,
          elements,
          elements * 4 + filterBytes,
          new Arguments().add(weight.address()).add(filter.address()).add(k).add(c).add(rs));
    }
    op.engine(
        FORWARD,
        "convolution forward",
        forward,
        Map.of("x", op.at(Slot.X), "w", filter, "y", op.at(Slot.Y)),
        Map.of());
    if (backwardFilter != null) {
      Place dweight = op.at(Slot.DWEIGHT);
      Place target = packed ? op.at(Slot.SCRATCH, temporary(0)) : dweight;
      op.engine(
          BACKWARD,
          "convolution backward weights",
          backwardFilter,
          Map.of("x", op.at(Slot.X), "dy", op.at(Slot.DY), "dw", target),
          Map.of());
      if (packed) {
        op.kernel(
            BACKWARD,
            "unpack_" + type,
            elements,
            elements * 4 + filterBytes,
            new Arguments().add(target.address()).add(dweight.address()).add(k).add(c).add(rs));
      }
    }
    if (backwardData != null) {
      Place dx = op.at(Slot.DX);
      boolean adds = spec.write(Slot.DX) == GradientWrite.ACCUMULATE;
      Place target = adds ? op.at(Slot.SCRATCH, temporary(0)) : dx;
      op.engine(
          BACKWARD,
          "convolution backward data",
          backwardData,
          Map.of("dy", op.at(Slot.DY), "w", filter, "dx", target),
          Map.of());
      if (adds) {
        Pointwise.add(op, BACKWARD, spec.type(), spec.x().elements(), dx, target, dx);
      }
    }
  }
}
