package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.FORWARD;
import static org.jresnet.backend.Phase.PREPARE;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.gpu.Planner.Arithmetic;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.Convolution;
import org.jresnet.nativebindings.cuda.Elementwise;
import org.jresnet.nativebindings.cuda.OpGraph;

/**
 * Convolution, residual addition, bias and activation in one engine, the batch norm folded into
 * filter and bias. The bias has the activation type, for which cuDNN has precompiled engines.
 */
final class FoldedConvPlan extends GpuPlan {
  private final Planned engine;
  private final Optional<Activation> tail;
  private final int k;

  /** Channels of one filter, and its places. */
  private final int c;

  private final int rs;

  FoldedConvPlan(Planner planner, OpSpec spec) {
    super(planner, spec);
    Conv2d conv = (Conv2d) spec.op();
    k = conv.k();
    c = conv.c() / conv.groups();
    rs = conv.taps();
    Optional<Activation> activation = spec.activation();
    Optional<Planned> fused =
        activation.flatMap(ActivationPlan::function).flatMap(f -> plan(conv, Optional.of(f)));
    // Our own kernel follows where cuDNN has no engine with the activation.
    tail = fused.isPresent() ? Optional.empty() : activation;
    engine =
        use(fused.isPresent() ? fused : plan(conv, Optional.empty()), "the folded convolution");
    packed(align(filterBytes()) + (long) k * spec.type().bytes());
  }

  private Optional<Planned> plan(Conv2d conv, Optional<Elementwise.Function> function) {
    String key =
        "convolution"
            + (spec.adds() ? " + residual" : "")
            + " + bias"
            + function.map(f -> " + " + ActivationPlan.text(spec.activation().get())).orElse("")
            + " "
            + text(spec.x(), spec.y(), conv);
    return planner.plan(
        key,
        spec.type(),
        Arithmetic.PRODUCTS,
        d -> {
          Elementwise elementwise = new Elementwise(d.graph);
          OpGraph.Value sum = d.wide(spec.y());
          new Convolution(d.graph, geometry(conv))
              .forward(d.tensor("x", spec.x()), d.filter("w", conv), sum);
          if (spec.adds()) {
            OpGraph.Value added = d.wide(spec.y());
            elementwise.add(sum, d.tensor("residual", spec.y()), added);
            sum = added;
          }
          OpGraph.Value bias = d.tensor("bias", new Shape(1, 1, 1, k));
          if (function.isPresent()) {
            OpGraph.Value biased = d.wide(spec.y());
            elementwise.add(sum, bias, biased);
            elementwise.apply(function.get(), biased, d.tensor("y", spec.y()));
          } else {
            elementwise.add(sum, bias, d.tensor("y", spec.y()));
          }
        });
  }

  private long filterBytes() {
    return (long) k * c * rs * spec.type().bytes();
  }

  @Override
  protected void build(GpuBinding op, Operands operands) {
    Place filter = op.at(Slot.PACKED);
    Place bias = filter.plus(align(filterBytes()));
    long elements = (long) k * c * rs;
    op.kernel(
        PREPARE,
        "fold_" + Gpu.suffix(spec.type()),
        elements,
        elements * 4 + filterBytes(),
        op.foldedParameters(operands)
            .add((float) ((Op.BatchNorm) spec.part(Op.Part.NORM).orElseThrow()).eps())
            .add(filter.address())
            .add(bias.address())
            .add(k)
            .add(c)
            .add(rs));
    Map<String, Place> places = new HashMap<>();
    places.put("x", op.at(Slot.X));
    places.put("w", filter);
    places.put("bias", bias);
    places.put("y", op.at(Slot.Y));
    if (spec.adds()) {
      places.put("residual", op.at(Slot.RESIDUAL));
    }
    op.engine(FORWARD, "convolution forward", engine, places, Map.of());
    tail.ifPresent(f -> ActivationPlan.forward(op, f, spec, op.at(Slot.Y), op.at(Slot.Y)));
  }
}
