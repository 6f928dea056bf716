package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Phase;
import org.jresnet.backend.gpu.Planner.Arithmetic;
import org.jresnet.base.Named;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.BatchNorm;
import org.jresnet.nativebindings.cuda.Elementwise;
import org.jresnet.nativebindings.cuda.OpGraph.Value;

/**
 * Batch norm with residual addition and ReLU. By the batch's statistics it is one engine of cuDNN
 * each way, which keeps one bit per element of what the ReLU let through, or {@link NormKernels},
 * whichever a race has found to be faster. Where cuDNN has no engine (an odd number of channels, a
 * residual without ReLU), where the input comes with its sums, and by the running statistics, our
 * kernels compute it.
 */
final class NormPlan extends GpuPlan {
  /** Who computes a direction. */
  enum Way implements Named {
    /** An engine of cuDNN. */
    ENGINE,
    /** Kernels of ours. */
    KERNELS
  }

  private final Op.BatchNorm norm;
  private final boolean adds;
  private final boolean rectifies;
  private final boolean batch;
  private final boolean summed;
  private final int channels;
  private final long vector;
  private final NormKernels own;
  private final Planned forward;
  private final Planned backward;

  NormPlan(Planner planner, OpSpec spec) {
    this(planner, spec, Optional.empty());
  }

  /** A plan of that way in both directions, whether it is the best or not. */
  NormPlan(Planner planner, OpSpec spec, Optional<Way> asked) {
    super(planner, spec);
    summed = spec.inputs().get(0).summed();
    norm = (Op.BatchNorm) spec.op();
    requireNoAccumulation(spec.write(Slot.DX), "the dx of a batch norm");
    requireNoAccumulation(spec.write(Slot.DGAMMA), "dgamma and dbeta");
    adds = spec.adds();
    rectifies = spec.activation().filter(f -> f.function() == Activation.Function.RELU).isPresent();
    if (training() && spec.activates() && !rectifies) {
      throw new UnsupportedOperationException(
          "the gpu backend's norms take a ReLU along in training, found " + spec.kind());
    }
    batch = spec.mode() == Mode.TRAIN;
    channels = spec.y().c();
    vector = align(4L * channels);
    if (batch && spec.y().perChannel() < 2) {
      throw new UnsupportedOperationException(
          "a training batch norm needs more than one value per channel, found " + spec.y());
    }
    Optional<Planned> ahead = Optional.empty();
    Optional<Planned> back = Optional.empty();
    // A residual without ReLU occurs in no ResNet, and cuDNN has no engine for it.
    if (batch && (rectifies || !adds) && !asked.equals(Optional.of(Way.KERNELS))) {
      if (!summed) {
        ahead = planner.plan(key(FORWARD), spec.type(), Arithmetic.PLAIN, this::draftForward);
      }
      back = planner.plan(key(BACKWARD), spec.type(), Arithmetic.PLAIN, this::draftBackward);
    }
    ChannelTiles tiles =
        new ChannelTiles(planner.limits(), spec.type(), channels, spec.y().perChannel());
    own = new NormKernels(spec, rectifies, vector, tiles);
    // One bit per element is what both save where eight channels are a byte; else each has its own.
    boolean engines = (summed || ahead.isPresent()) && back.isPresent();
    boolean both = engines && tiles.vector() == 8 && asked.isEmpty();
    List<Form> forms = new ArrayList<>();
    forward =
        engines && !summed && (!both || engineWins(ahead.get(), FORWARD, forms))
            ? use(ahead, "the batch norm")
            : null;
    backward =
        engines && (!both || !training() || engineWins(back.get(), BACKWARD, forms))
            ? use(back, "the gradient of the batch norm")
            : null;
    among(forms);
    if (training()) {
      saved(
          engines
              ? 2 * vector + (rectifies ? (spec.y().elements() + 7) / 8 : 0)
              : own.savedBytes());
    }
    boolean sums = forward == null && !summed || backward == null;
    temporaries(2 * vector + (sums ? tiles.partialBytes() : 0));
  }

  /** A direction in one line. */
  private String key(Phase direction) {
    return "batch norm"
        + (direction == BACKWARD ? " backward" : "")
        + (adds ? " + residual" : "")
        + (rectifies ? " + ReLU " : " ")
        + text(spec.y());
  }

  /** Whether our kernels were not faster in that direction, if they could be timed. */
  private boolean engineWins(Planned engine, Phase direction, List<Form> forms) {
    double kernels =
        planner.milliseconds(
            engine.choice(),
            () -> new NormPlan(planner, spec, Optional.of(Way.KERNELS)),
            direction);
    double time = engine.choice().milliseconds();
    boolean wins = !(kernels < time);
    String part = key(direction);
    forms.add(
        new Form(
            part, Way.ENGINE.id(), Optional.of(engine.choice()), Optional.empty(), time, wins));
    forms.add(new Form(part, Way.KERNELS.id(), Optional.empty(), Optional.empty(), kernels, !wins));
    return wins;
  }

  private static Value bits(Draft d, Shape s) {
    return d.keep("bits", d.graph.bits(s.n(), s.c(), s.h(), s.w()));
  }

  private static BatchNorm.Statistics statistics(Draft d, int channels) {
    return new BatchNorm.Statistics(
        d.channels("mean", channels), d.channels("inverse deviation", channels));
  }

  private void draftForward(Draft d) {
    Shape s = spec.y();
    Value x = d.tensor("x", s);
    List<Value> scaleBiasEps =
        List.of(d.channels("gamma", channels), d.channels("beta", channels), d.number("eps"));
    BatchNorm.Running running =
        new BatchNorm.Running(
            d.channels("running mean", channels),
            d.channels("running var", channels),
            d.channels("running mean after", channels),
            d.channels("running var after", channels),
            d.number("momentum"));
    Value normal = rectifies ? d.wide(s) : d.tensor("y", s);
    new BatchNorm(d.graph).training(x, scaleBiasEps, statistics(d, channels), running, normal);
    Value sum = normal;
    if (adds) {
      sum = d.wide(s);
      new Elementwise(d.graph).add(normal, d.tensor("residual", s), sum);
    }
    if (rectifies) {
      Value y = d.tensor("y", s);
      new Elementwise(d.graph).relu(sum, y);
      new Elementwise(d.graph).greater(y, d.number("zero"), bits(d, s));
    }
  }

  private void draftBackward(Draft d) {
    Shape s = spec.y();
    Value x = d.tensor("x", s);
    Value dz = d.tensor("dy", s);
    if (rectifies) {
      Value masked = adds ? d.tensor("dresidual", s) : d.between(s);
      new Elementwise(d.graph).multiply(dz, bits(d, s), masked);
      dz = masked;
    }
    new BatchNorm(d.graph)
        .backward(
            x,
            dz,
            d.channels("gamma", channels),
            statistics(d, channels),
            new BatchNorm.Gradients(
                d.tensor("dx", s), d.channels("dgamma", channels), d.channels("dbeta", channels)));
  }

  @Override
  List<Traffic> traffic() {
    return Traffic.ofNorm(spec);
  }

  @Override
  protected void build(GpuBinding op, Operands operands) {
    if (forward != null) {
      buildBatch(op);
    } else if (summed) {
      own.forwardOfSums(op);
    } else {
      own.forward(op, batch ? partial(op) : null, training());
    }
    other(op);
    if (backward != null) {
      buildBatchBackward(op);
    } else if (training()) {
      own.backward(
          op,
          parameterGradient(op, Slot.DGAMMA, 0),
          parameterGradient(op, Slot.DBETA, vector),
          partial(op));
    }
  }

  /** A gradient of the arena, or scratch where nobody wants it. */
  private Place parameterGradient(GpuBinding op, Slot slot, long offset) {
    return own.wanted() ? op.at(slot) : op.at(Slot.SCRATCH, temporary(offset));
  }

  private Place partial(GpuBinding op) {
    return op.at(Slot.SCRATCH, temporary(2 * vector));
  }

  /** An activation that neither cuDNN's nor our norm takes along. */
  private void other(GpuBinding op) {
    spec.activation()
        .filter(f -> !rectifies)
        .ifPresent(f -> ActivationPlan.forward(op, f, spec, op.at(Slot.Y), op.at(Slot.Y)));
  }

  private Map<String, Place> shared(GpuBinding op) {
    Map<String, Place> places = new HashMap<>();
    places.put("x", op.at(Slot.X));
    places.put("gamma", op.at(Slot.GAMMA));
    places.put("mean", op.at(Slot.SAVED));
    places.put("inverse deviation", op.at(Slot.SAVED, vector));
    if (rectifies) {
      places.put("bits", op.at(Slot.SAVED, 2 * vector));
    }
    return places;
  }

  private void buildBatch(GpuBinding op) {
    Map<String, Place> places = shared(op);
    places.put("beta", op.at(Slot.BETA));
    // Updated in place: each channel's value is read and written by the same thread.
    places.put("running mean", op.at(Slot.RUNNING_MEAN));
    places.put("running var", op.at(Slot.RUNNING_VAR));
    places.put("running mean after", op.at(Slot.RUNNING_MEAN));
    places.put("running var after", op.at(Slot.RUNNING_VAR));
    places.put("y", op.at(Slot.Y));
    if (adds) {
      places.put("residual", op.at(Slot.RESIDUAL));
    }
    Map<String, Float> numbers = new HashMap<>();
    numbers.put("eps", (float) norm.eps());
    numbers.put("momentum", (float) norm.momentum());
    if (rectifies) {
      numbers.put("zero", 0f);
    }
    op.engine(FORWARD, "batch norm", forward, places, numbers);
  }

  private void buildBatchBackward(GpuBinding op) {
    Map<String, Place> places = shared(op);
    places.put("dy", op.at(Slot.DY));
    if (adds) {
      // May be dy itself: masking what is masked already changes nothing, whenever it is read.
      places.put("dresidual", op.at(Slot.DRESIDUAL));
    }
    places.put("dx", op.at(Slot.DX));
    places.put("dgamma", parameterGradient(op, Slot.DGAMMA, 0));
    places.put("dbeta", parameterGradient(op, Slot.DBETA, vector));
    op.engine(BACKWARD, "batch norm backward", backward, places, Map.of());
  }
}
