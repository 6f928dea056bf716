package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import java.util.HashMap;
import java.util.Map;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.gpu.Planner.Arithmetic;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.DataType;
import org.jresnet.nativebindings.cuda.Geometry;
import org.jresnet.nativebindings.cuda.MaxPool;
import org.jresnet.nativebindings.cuda.OpGraph;

/** Max pool; training saves one byte per output, the place of the maximum in its window. */
final class MaxPoolPlan extends GpuPlan {
  private final Planned forward;
  private final Planned backward;

  MaxPoolPlan(Planner planner, OpSpec spec) {
    super(planner, spec);
    Shape out = spec.y();
    Op.MaxPool pool = (Op.MaxPool) spec.op();
    Geometry geometry = new Geometry(pool.kernel(), pool.stride(), pool.padding());
    boolean indexed = spec.write(Slot.DX) != GradientWrite.NONE;
    String extents = text(spec.x()) + " to " + text(out) + " by " + text(geometry);
    forward =
        use(
            planner.plan(
                "max pool " + (indexed ? "with index " : "") + extents,
                spec.type(),
                Arithmetic.PLAIN,
                d ->
                    new MaxPool(d.graph, geometry)
                        .forward(
                            d.tensor("x", spec.x()),
                            d.tensor("y", out),
                            indexed ? index(d, out) : null)),
            "the max pool");
    backward =
        indexed
            ? use(
                planner.plan(
                    "max pool backward " + extents,
                    spec.type(),
                    Arithmetic.PLAIN,
                    d ->
                        new MaxPool(d.graph, geometry)
                            .backward(
                                d.tensor("dy", out), index(d, out), d.tensor("dx", spec.x()))),
                "the gradient of the max pool")
            : null;
    if (indexed) {
      saved(out.elements());
    }
    if (spec.write(Slot.DX) == GradientWrite.ACCUMULATE) {
      temporaries(spec.x().elements() * spec.type().bytes());
    }
  }

  private static OpGraph.Value index(Draft d, Shape s) {
    return d.keep("index", d.graph.tensor(DataType.I8, s.n(), s.c(), s.h(), s.w()));
  }

  @Override
  protected void build(GpuBinding op, Operands operands) {
    Map<String, Place> places = new HashMap<>();
    places.put("x", op.at(Slot.X));
    places.put("y", op.at(Slot.Y));
    if (backward != null) {
      places.put("index", op.at(Slot.SAVED));
    }
    op.engine(FORWARD, "max pool", forward, places, Map.of());
    if (backward != null) {
      boolean adds = spec.write(Slot.DX) == GradientWrite.ACCUMULATE;
      Place dx = op.at(Slot.DX);
      Place target = adds ? op.at(Slot.SCRATCH, temporary(0)) : dx;
      op.engine(
          BACKWARD,
          "max pool backward",
          backward,
          Map.of("dy", op.at(Slot.DY), "index", op.at(Slot.SAVED), "dx", target),
          Map.of());
      if (adds) {
        Pointwise.add(op, BACKWARD, spec.type(), spec.x().elements(), dx, target, dx);
      }
    }
  }
}
