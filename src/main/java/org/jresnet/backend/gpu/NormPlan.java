package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.gpu.Planner.Arithmetic;
import org.jresnet.backend.gpu.Planner.Draft;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.BatchNorm;
import org.jresnet.nativebindings.cuda.Elementwise;
import org.jresnet.nativebindings.cuda.Kernel;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.jresnet.nativebindings.cuda.OpGraph.Value;

/**
 * Batch norm with residual addition and ReLU. By the batch's statistics it is one engine of cuDNN
 * each way, which keeps one bit per element of what the ReLU let through. Where cuDNN has none (an
 * odd number of channels, a residual without ReLU), and by the running statistics, kernels of our
 * own compute it.
 */
final class NormPlan extends GpuPlan {
  private final Op.BatchNorm norm;
  private final boolean adds;
  private final boolean rectifies;
  private final boolean batch;
  private final int channels;
  private final long vector;
  private final Planned forward;
  private final Planned backward;

  NormPlan(Planner planner, OpSpec spec) {
    super(planner, spec);
    norm = (Op.BatchNorm) spec.op();
    requireNoAccumulation(spec.write(Slot.DX), "the dx of a batch norm");
    requireNoAccumulation(spec.write(Slot.DGAMMA), "dgamma and dbeta");
    adds = spec.adds();
    rectifies = spec.activation().filter(f -> f.function() == Activation.Function.RELU).isPresent();
    batch = spec.mode() == Mode.TRAIN;
    channels = spec.y().c();
    vector = align(4L * channels);
    if (batch && spec.y().perChannel() < 2) {
      throw new UnsupportedOperationException(
          "a training batch norm needs more than one value per channel, found " + spec.y());
    }
    String suffix = (adds ? " + residual" : "") + (rectifies ? " + ReLU " : " ") + text(spec.y());
    Optional<Planned> ahead = Optional.empty();
    Optional<Planned> back = Optional.empty();
    // A residual without ReLU occurs in no ResNet, and cuDNN has no engine for it.
    if (batch && (rectifies || !adds)) {
      ahead =
          planner.plan("batch norm" + suffix, spec.type(), Arithmetic.PLAIN, this::draftForward);
      back =
          planner.plan(
              "batch norm backward" + suffix, spec.type(), Arithmetic.PLAIN, this::draftBackward);
    }
    boolean engines = ahead.isPresent() && back.isPresent();
    forward = engines ? use(ahead, "the batch norm") : null;
    backward = engines ? use(back, "the gradient of the batch norm") : null;
    if (batch) {
      saved(2 * vector + (engines && rectifies ? (spec.y().elements() + 7) / 8 : 0));
      if (spec.write(Slot.DGAMMA) == GradientWrite.NONE) {
        temporaries(2 * vector);
      }
    }
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
    Value normal = rectifies ? d.between(s) : d.tensor("y", s);
    new BatchNorm(d.graph).training(x, scaleBiasEps, statistics(d, channels), running, normal);
    Value sum = normal;
    if (adds) {
      sum = d.between(s);
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
  protected void build(GpuBinding op, Operands operands) {
    if (forward != null) {
      buildBatch(op);
      other(op);
      buildBatchBackward(op);
    } else {
      Place mean = batch ? op.at(Slot.SAVED) : op.at(Slot.RUNNING_MEAN);
      Place var = batch ? op.at(Slot.SAVED, vector) : op.at(Slot.RUNNING_VAR);
      if (batch) {
        statistics(op, mean, var);
      }
      apply(op, mean, var);
      other(op);
      if (training()) {
        backward(op, mean, var);
      }
    }
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
    boolean wanted = spec.write(Slot.DGAMMA) != GradientWrite.NONE;
    places.put("dgamma", wanted ? op.at(Slot.DGAMMA) : op.at(Slot.SCRATCH, temporary(0)));
    places.put("dbeta", wanted ? op.at(Slot.DBETA) : op.at(Slot.SCRATCH, temporary(vector)));
    op.engine(BACKWARD, "batch norm backward", backward, places, Map.of());
  }

  private void statistics(GpuBinding op, Place mean, Place var) {
    op.kernel(
        FORWARD,
        "normStatistics_" + Gpu.suffix(spec.type()),
        new Kernel.Grid(channels, Gpu.THREADS, 0),
        2 * bytes(),
        new Arguments()
            .add(op.at(Slot.X).address())
            .add(mean.address())
            .add(var.address())
            .add(op.at(Slot.RUNNING_MEAN).address())
            .add(op.at(Slot.RUNNING_VAR).address())
            .add((float) norm.momentum())
            .add(channels)
            .add(pixels()));
  }

  private void apply(GpuBinding op, Place mean, Place var) {
    op.kernel(
        FORWARD,
        "normApply_" + Gpu.suffix(spec.type()),
        spec.y().elements(),
        (adds ? 3 : 2) * bytes(),
        new Arguments()
            .add(op.at(Slot.X).address())
            .add(mean.address())
            .add(var.address())
            .add(op.at(Slot.GAMMA).address())
            .add(op.at(Slot.BETA).address())
            .add(adds ? op.at(Slot.RESIDUAL).address() : 0L)
            .add(op.at(Slot.Y).address())
            .add((float) norm.eps())
            .add(rectifies ? 1 : 0)
            .add(channels)
            .add(spec.y().elements()));
  }

  private void backward(GpuBinding op, Place mean, Place var) {
    boolean wanted = spec.write(Slot.DGAMMA) != GradientWrite.NONE;
    String type = Gpu.suffix(spec.type());
    Place dgamma = wanted ? op.at(Slot.DGAMMA) : null;
    Place dbeta = wanted ? op.at(Slot.DBETA) : null;
    if (batch && !wanted) {
      dgamma = op.at(Slot.SCRATCH, temporary(0));
      dbeta = op.at(Slot.SCRATCH, temporary(vector));
    }
    if (dgamma != null) {
      op.kernel(
          BACKWARD,
          "normSums_" + type,
          new Kernel.Grid(channels, Gpu.THREADS, 0),
          3 * bytes(),
          new Arguments()
              .add(op.at(Slot.X).address())
              .add(op.at(Slot.Y).address())
              .add(op.at(Slot.DY).address())
              .add(mean.address())
              .add(var.address())
              .add(dgamma.address())
              .add(dbeta.address())
              .add((float) norm.eps())
              .add(rectifies ? 1 : 0)
              .add(channels)
              .add(pixels()));
    }
    Arguments arguments = new Arguments();
    if (batch) {
      arguments.add(op.at(Slot.X).address());
    }
    arguments.add(op.at(Slot.Y).address()).add(op.at(Slot.DY).address());
    if (batch) {
      arguments.add(mean.address());
    }
    arguments.add(var.address()).add(op.at(Slot.GAMMA).address());
    if (batch) {
      arguments.add(dgamma.address()).add(dbeta.address());
    }
    op.kernel(
        BACKWARD,
        (batch ? "normBackward_" : "normApplyBackward_") + type,
        spec.y().elements(),
        (adds ? 4 : 3) * bytes(),
        arguments
            .add(adds ? op.at(Slot.DRESIDUAL).address() : 0L)
            .add(op.at(Slot.DX).address())
            .add((float) norm.eps())
            .add(rectifies ? 1 : 0)
            .add(channels)
            .add(spec.y().elements()));
  }

  private long bytes() {
    return spec.y().elements() * spec.type().bytes();
  }

  private int pixels() {
    return (int) (spec.y().elements() / channels);
  }
}
