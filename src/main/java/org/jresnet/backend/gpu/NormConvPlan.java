package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.TensorSpec;
import org.jresnet.backend.gpu.Planner.Arithmetic;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.BatchNorm;
import org.jresnet.nativebindings.cuda.Convolution;
import org.jresnet.nativebindings.cuda.Elementwise;
import org.jresnet.nativebindings.cuda.OpGraph.Value;

/**
 * A batch norm and its ReLU, computed by the convolution behind them: what lies between is never
 * stored. The norm's input comes with its sums, so that the norm is a factor and an offset per
 * channel before the convolution starts. Three engines:
 *
 * <pre>
 *   forward    y = relu(factor·x + offset) ∗ w, with the sums of y
 *   backward   dw from the same prologue and dy
 *              dz = the convolution's gradient where the ReLU let pass, with the norm's sums
 * </pre>
 *
 * A kernel of ours then makes dx of dz, in place.
 */
final class NormConvPlan extends GpuPlan {
  /** Factor and offset are in half precision, and so is everything that has engines for this. */
  private static final DType TYPE = DType.F16;

  private final Conv2d conv;
  private final Filters filters;
  private final NormKernels norm;
  private final boolean beside;
  private final Planned forward;
  private final Planned backwardFilter;
  private final Planned backwardData;

  /** Bytes of a value per channel in single precision, and in half. */
  private final long vector;

  private final long half;

  NormConvPlan(Planner planner, OpSpec spec) {
    super(planner, spec);
    requireNoAccumulation(spec.write(Slot.DX), "the dx of a batch norm");
    requireNoAccumulation(spec.write(Slot.DWEIGHT), "dweight");
    requireNoAccumulation(spec.write(Slot.DGAMMA), "dgamma and dbeta");
    conv = conv(spec);
    filters = new Filters(conv, TYPE);
    vector = align(4L * conv.c());
    half = align((long) TYPE.bytes() * conv.c());
    norm =
        new NormKernels(
            ofNorm(spec),
            true,
            vector,
            new ChannelTiles(planner.limits(), TYPE, conv.c(), spec.x().perChannel()));
    beside = planner.besides();
    Engines engines = new Engines(planner, spec);
    forward = use(engines.forward(), "the convolution behind a norm");
    String weights = "the gradient of the weights behind a norm";
    backwardFilter = beside ? useBeside(engines.filter(), weights) : use(engines.filter(), weights);
    backwardData = use(engines.data(), "the gradient of the norm before a convolution");
    if (beside) {
      runBeside(Set.of(Slot.X, Slot.DY, Slot.SAVED));
    }
    temporaries(5 * vector);
    saved(2 * vector + 2 * half);
    packed(filters.bytes());
    held(filters.bytes());
  }

  private static Conv2d conv(OpSpec spec) {
    return (Conv2d) spec.part(Op.Part.CONVOLUTION).orElseThrow();
  }

  /** The norm with its ReLU alone. */
  private static OpSpec ofNorm(OpSpec spec) {
    Map<Slot, GradientWrite> gradients = new TreeMap<>(spec.gradients());
    gradients.keySet().retainAll(Set.of(Slot.DX, Slot.DGAMMA, Slot.DBETA));
    return new OpSpec(
        spec.op(),
        spec.tail().subList(0, 1),
        spec.inputs(),
        new TensorSpec(spec.x(), spec.type()),
        spec.mode(),
        spec.pass(),
        gradients);
  }

  /** Why the three engines are not all there; empty if they are. */
  static Optional<String> refusal(Planner planner, OpSpec spec) {
    Conv2d conv = conv(spec);
    boolean rectifies =
        spec.activation().filter(f -> f.function() == Activation.Function.RELU).isPresent();
    if (!rectifies) {
      return Optional.of("a norm goes with the convolution behind it if a ReLU is between them");
    } else if (spec.type() != TYPE) {
      return Optional.of("a norm goes with the convolution behind it in fp16 alone");
    } else if (!spec.output().summed()) {
      return Optional.of("no norm behind it wants its sums");
    } else if (conv.groups() > 1) {
      return Optional.of("it has groups");
    } else if (conv.c() % 8 != 0) {
      return Optional.of("8 does not divide the " + conv.c() + " channels that it reads");
    }
    Engines engines = new Engines(planner, spec);
    return SummedConv.shortcoming(spec, conv)
        .or(() -> engines.refusal("forward", engines.forward()))
        .or(() -> engines.refusal("backward weights", engines.filter()))
        .or(() -> engines.refusal("backward data", engines.data()));
  }

  /** Plans the engines. */
  private record Engines(Planner planner, OpSpec spec) {
    Conv2d conv() {
      return NormConvPlan.conv(spec);
    }

    private Convolution convolution(Draft d) {
      return new Convolution(d.graph, geometry(conv()));
    }

    String key(String what) {
      return "norm + ReLU + convolution " + what + " " + text(spec.x(), spec.y(), conv());
    }

    Optional<String> refusal(String what, Optional<Planned> engine) {
      return engine.isPresent()
          ? Optional.empty()
          : planner.refusal(key(what), TYPE).map(why -> what + " has no engine: " + why);
    }

    private Value prologue(Draft d) {
      Elementwise elementwise = new Elementwise(d.graph);
      Value scaled = d.between(spec.x());
      elementwise.multiply(d.tensor("x", spec.x()), d.halves("factor", conv().c()), scaled);
      Value normal = d.between(spec.x());
      elementwise.add(scaled, d.halves("offset", conv().c()), normal);
      Value read = d.between(spec.x());
      elementwise.relu(normal, read);
      return read;
    }

    Optional<Planned> forward() {
      return planner.plan(
          key("forward"),
          TYPE,
          Arithmetic.PRODUCTS,
          d -> {
            Value y = d.tensor("y", spec.y());
            convolution(d).forward(prologue(d), d.filter("w", conv()), y);
            SummedConv.draft(d, y, conv().k());
          });
    }

    Optional<Planned> filter() {
      return planner.plan(
          key("backward weights"),
          TYPE,
          Arithmetic.PRODUCTS,
          d ->
              convolution(d)
                  .backwardFilter(prologue(d), d.tensor("dy", spec.y()), d.filter("dw", conv())));
    }

    Optional<Planned> data() {
      return planner.plan(
          key("backward data"),
          TYPE,
          Arithmetic.PRODUCTS,
          d -> {
            int c = conv().c();
            Elementwise elementwise = new Elementwise(d.graph);
            Value gradient = d.wide(spec.x());
            convolution(d).backwardData(d.tensor("dy", spec.y()), d.filter("w", conv()), gradient);
            Value x = d.tensor("x", spec.x());
            BatchNorm.Statistics statistics =
                new BatchNorm.Statistics(d.channels("mean", c), d.channels("inverse deviation", c));
            Value gamma = d.channels("gamma", c);
            Value centered = d.wide(spec.x());
            elementwise.subtract(x, statistics.mean(), centered);
            Value normal = d.wide(spec.x());
            elementwise.multiply(centered, statistics.inverseDeviation(), normal);
            Value scaled = d.wide(spec.x());
            elementwise.multiply(normal, gamma, scaled);
            Value read = d.wide(spec.x());
            elementwise.add(scaled, d.channels("beta", c), read);
            Value dz = d.tensor("dz", spec.x());
            elementwise.reluBackward(read, gradient, dz);
            new BatchNorm(d.graph)
                .backwardSums(
                    x,
                    dz,
                    gamma,
                    statistics,
                    new BatchNorm.Sums(
                        d.channels("dgamma", c),
                        d.channels("dbeta", c),
                        d.channels("of dy", c),
                        d.channels("of x", c),
                        d.channels("constant", c)));
          });
    }
  }

  private long offsetAt() {
    return 2 * vector + half;
  }

  @Override
  protected void build(GpuBinding op, Operands operands) {
    buildForward(op);
    if (beside) {
      op.beside(() -> buildBackwardFilter(op));
    } else {
      buildBackwardFilter(op);
    }
    buildBackwardData(op);
  }

  /** What each prologue reads. */
  private Map<String, Place> prologue(GpuBinding op) {
    Map<String, Place> places = new HashMap<>();
    places.put("x", op.at(Slot.X));
    places.put("factor", op.at(Slot.SAVED, 2 * vector));
    places.put("offset", op.at(Slot.SAVED, offsetAt()));
    return places;
  }

  private void buildForward(GpuBinding op) {
    filters.pack(op, op.at(Slot.PACKED));
    norm.finish(
        op, op.at(Slot.SAVED, 2 * vector).address(), op.at(Slot.SAVED, offsetAt()).address());
    Map<String, Place> places = prologue(op);
    places.put("w", op.at(Slot.PACKED));
    places.put("y", op.at(Slot.Y));
    SummedConv.place(op, places);
    op.engine(FORWARD, "convolution forward", forward, places, Map.of());
  }

  private void buildBackwardFilter(GpuBinding op) {
    Map<String, Place> places = prologue(op);
    places.put("dy", op.at(Slot.DY));
    places.put("dw", op.at(Slot.HELD));
    op.engine(BACKWARD, "convolution backward weights", backwardFilter, places, Map.of());
    filters.unpack(op, op.at(Slot.HELD));
  }

  private void buildBackwardData(GpuBinding op) {
    Place dgamma = parameterGradient(op, Slot.DGAMMA, 0);
    Place dbeta = parameterGradient(op, Slot.DBETA, vector);
    Map<String, Place> places = new HashMap<>();
    places.put("dy", op.at(Slot.DY));
    places.put("w", op.at(Slot.PACKED));
    places.put("x", op.at(Slot.X));
    places.put("mean", op.at(Slot.SAVED));
    places.put("inverse deviation", op.at(Slot.SAVED, vector));
    places.put("gamma", op.at(Slot.GAMMA));
    places.put("beta", op.at(Slot.BETA));
    places.put("dz", op.at(Slot.DX));
    places.put("dgamma", dgamma);
    places.put("dbeta", dbeta);
    // What makes dx of dz in cuDNN's way; our kernel computes it by itself, in double precision.
    places.put("of dy", op.at(Slot.SCRATCH, temporary(2 * vector)));
    places.put("of x", op.at(Slot.SCRATCH, temporary(3 * vector)));
    places.put("constant", op.at(Slot.SCRATCH, temporary(4 * vector)));
    op.engine(BACKWARD, "convolution backward data", backwardData, places, Map.of());
    norm.backwardOfSums(op, dgamma, dbeta);
  }

  /** A gradient of the arena, or scratch where nobody wants it. */
  private Place parameterGradient(GpuBinding op, Slot slot, long offset) {
    return spec.write(slot) == GradientWrite.NONE
        ? op.at(Slot.SCRATCH, temporary(offset))
        : op.at(slot);
  }
}
