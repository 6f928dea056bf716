package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.FORWARD;

import java.util.List;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;

/**
 * Inference convolution on bytes in groups, also depthwise, with {@link QuantizedTail}: a kernel of
 * our own, which leaves out the taps outside of the image, so that no bias depends on the place.
 */
final class QuantizedGroupsPlan extends GpuPlan {
  private final Conv2d conv;
  private final int seen;
  private final QuantizedTail tail;
  private final QuantizedFilters filters;

  QuantizedGroupsPlan(Planner planner, OpSpec spec) {
    super(planner, spec);
    conv = (Conv2d) spec.op();
    seen = conv.c() / conv.groups();
    tail = new QuantizedTail(spec);
    filters =
        new QuantizedFilters(
            spec,
            new QuantizedFilters.Layout(
                seen, seen % 4 == 0 ? 4 : 1, 0, new Shape(1, 1, 1, conv.k())));
    packed(filters.packedBytes());
    temporaries(filters.offsetBytes());
  }

  private long bytes() {
    return spec.x().elements() + filters.readBytes() + (spec.adds() ? 2 : 1) * spec.y().elements();
  }

  @Override
  List<Traffic> traffic() {
    return List.of(new Traffic(Traffic.Part.CONVOLUTION, bytes(), 2 * spec.macs()));
  }

  @Override
  protected void build(GpuBinding op, Operands operands) {
    filters.prepare(op, operands, tail, op.at(Slot.SCRATCH, temporary(0)));
    Arguments arguments =
        new Arguments()
            .add(op.at(Slot.X).address())
            .add(op.at(Slot.PACKED).address())
            .add(filters.factors(op).address())
            .add(filters.bias(op).address())
            .add(spec.adds() ? op.at(Slot.RESIDUAL).address() : 0L)
            .add(op.at(Slot.Y).address())
            .add(spec.x().h())
            .add(spec.x().w())
            .add(conv.c())
            .add(spec.y().h())
            .add(spec.y().w())
            .add(conv.k());
    filters
        .geometry(arguments)
        .add(seen)
        .add(conv.k() / conv.groups())
        .add(QuantizedTail.zero(spec.inputs().get(0)))
        .add(tail.share())
        .add(tail.function())
        .add(tail.slope())
        .add(tail.steps())
        .add(tail.lowered())
        .add(spec.y().elements());
    op.kernel(FORWARD, "convBytes", (spec.y().elements() + 3) / 4, bytes(), arguments);
  }
}
