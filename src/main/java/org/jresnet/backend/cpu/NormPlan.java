package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Tensor;
import org.jresnet.graph.Activation;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.BatchNorm;
import org.jresnet.nativebindings.onednn.DataType;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.Elementwise;
import org.jresnet.nativebindings.onednn.Memory;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.PostOps;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;

/**
 * Batch norm. A ReLU right behind it is fused into oneDNN's primitive, which saves one bit per
 * element for backward; of a ReLU6, {@link Clip} does the rest. A residual addition with its
 * activation is a second pass over y, and its backward masks the gradient by y. Another activation,
 * which follows in inference alone, is a second pass, too. Running statistics are updated on the
 * host, from the mean and variance that the primitive leaves.
 */
final class NormPlan extends CpuPlan {
  private final Workers workers;
  private final Op.BatchNorm op;

  /** Whether oneDNN's ReLU becomes a ReLU6. */
  private final boolean clips;

  private final Desc x;
  private final Desc channels;
  private final PrimitiveDesc norm;
  private PrimitiveDesc residual;

  /** An activation that is neither fused into the norm nor into the residual addition. */
  private PrimitiveDesc other;

  private PrimitiveDesc normBackward;
  private PrimitiveDesc activationBackward;
  private PrimitiveDesc copy;

  NormPlan(OneDnn dnn, Workers workers, OpSpec spec) {
    super(dnn, spec);
    this.workers = workers;
    op = (Op.BatchNorm) spec.op();
    requireNoAccumulation(spec.write(Slot.DX), "the dx of a batch norm");
    requireNoAccumulation(spec.write(Slot.DGAMMA), "dgamma and dbeta");
    boolean adds = spec.adds();
    Optional<Elementwise.Function> activation = spec.activation().map(ActivationPlan::function);
    if (training()) {
      HostNormPlan.requireRectifier(spec);
    }
    clips = training() && !adds && ends(Activation.Function.RELU6);
    boolean rectifies = !adds && ends(Activation.Function.RELU) || clips;
    if (training() && spec.mode() == Mode.TRAIN && spec.y().perChannel() < 2) {
      throw new UnsupportedOperationException(
          "a training batch norm needs more than one value per channel, found " + spec.y());
    }
    x = nhwc(spec.y(), spec.type());
    channels = scope.vector(DataType.F32, spec.y().c());
    BatchNorm batchNorm = new BatchNorm(scope, op.eps(), flags(rectifies));
    norm = require(batchNorm.forward(propagation(), x), "batch norm");
    if (clips) {
      Clip.require(spec, norm.workspace().bytes());
    }
    if (adds) {
      PostOps postOps = scope.postOps();
      activation.ifPresent(postOps::eltwise);
      residual = require(scope.add(x, postOps), "residual addition");
    } else if (activation.isPresent() && !rectifies) {
      Elementwise elementwise = new Elementwise(scope, activation.get());
      other = require(elementwise.forward(propagation(), x), spec.kind());
    }
    if (training()) {
      normBackward = require(batchNorm.backward(x, norm), "batch norm backward");
      if (adds && activation.isPresent()) {
        Elementwise elementwise = new Elementwise(scope, activation.get());
        PrimitiveDesc ahead = require(elementwise.forward(propagation(), x), spec.kind());
        activationBackward = require(elementwise.backward(x, ahead), spec.kind() + " backward");
      } else if (adds) {
        copy = require(scope.reorder(x, x), "copy");
      }
      saved(2 * align(channels.bytes()) + norm.workspace().bytes());
      if (spec.write(Slot.DGAMMA) == GradientWrite.NONE) {
        temporaries(2 * align(channels.bytes()));
      }
    }
  }

  private boolean ends(Activation.Function function) {
    return spec.activation().filter(a -> a.function() == function).isPresent();
  }

  private Set<BatchNorm.Flag> flags(boolean fusedRelu) {
    Set<BatchNorm.Flag> flags = EnumSet.noneOf(BatchNorm.Flag.class);
    if (spec.mode() == Mode.EVALUATE) {
      flags.add(BatchNorm.Flag.GLOBAL_STATS);
    }
    if (fusedRelu) {
      flags.add(BatchNorm.Flag.RELU);
    }
    return flags;
  }

  @Override
  public String implementation() {
    return norm.implementation()
        + (residual == null ? "" : " + " + residual.implementation())
        + (other == null ? "" : " + " + other.implementation())
        + (normBackward == null ? "" : " | " + normBackward.implementation())
        + (activationBackward == null ? "" : " + " + activationBackward.implementation())
        + (clips ? " + java" : "");
  }

  @Override
  protected void build(CpuBinding op, Operands operands) {
    boolean batchStatistics = spec.mode() == Mode.TRAIN;
    long vector = align(channels.bytes());
    Memory mean =
        batchStatistics ? op.at(channels, Slot.SAVED) : op.at(channels, Slot.RUNNING_MEAN);
    Memory variance =
        batchStatistics ? op.at(channels, Slot.SAVED, vector) : op.at(channels, Slot.RUNNING_VAR);
    Map<Arg, Memory> common = new EnumMap<>(Arg.class);
    common.put(Arg.SRC, op.at(x, Slot.X));
    common.put(Arg.MEAN, mean);
    common.put(Arg.VARIANCE, variance);
    common.put(Arg.SCALE, op.at(channels, Slot.GAMMA));
    if (norm.workspace().bytes() > 0) {
      common.put(Arg.WORKSPACE, op.at(norm.workspace(), Slot.SAVED, 2 * vector));
    }
    Map<Arg, Memory> forward = new EnumMap<>(common);
    forward.put(Arg.SHIFT, op.at(channels, Slot.BETA));
    forward.put(Arg.DST, op.at(x, Slot.Y));
    op.call(FORWARD, norm, forward);
    if (clips) {
      ByteBuffer saved = CpuBuffer.bytes(operands.get(Slot.SAVED));
      int bits = Math.toIntExact(spec.y().elements() / Byte.SIZE);
      ByteBuffer mask = saved.slice(Math.toIntExact(2 * vector), bits);
      op.host(FORWARD, operands.get(Slot.Y).bytes(), new Clip(workers, operands.get(Slot.Y), mask));
    }
    if (residual != null) {
      Memory y = op.at(x, Slot.Y);
      op.call(
          FORWARD, residual, Map.of(Arg.SRC, y, Arg.SRC_1, op.at(x, Slot.RESIDUAL), Arg.DST, y));
    }
    if (other != null) {
      Memory y = op.at(x, Slot.Y);
      op.call(FORWARD, other, Map.of(Arg.SRC, y, Arg.DST, y));
    }
    if (batchStatistics) {
      op.host(FORWARD, runningStatistics(operands, vector));
    }
    if (normBackward != null) {
      buildBackward(op, operands, common);
    }
  }

  private void buildBackward(CpuBinding op, Operands operands, Map<Arg, Memory> common) {
    Slot gradient = Slot.DY;
    if (residual != null) {
      gradient = Slot.DRESIDUAL;
      if (activationBackward != null) {
        op.call(
            BACKWARD,
            activationBackward,
            Map.of(
                Arg.DST,
                op.at(x, Slot.Y),
                Arg.DIFF_DST,
                op.at(x, Slot.DY),
                Arg.DIFF_SRC,
                op.at(x, Slot.DRESIDUAL)));
      } else if (!operands.get(Slot.DY).equals(operands.get(Slot.DRESIDUAL))) {
        op.call(
            BACKWARD, copy, Map.of(Arg.SRC, op.at(x, Slot.DY), Arg.DST, op.at(x, Slot.DRESIDUAL)));
      }
    }
    boolean wanted = spec.write(Slot.DGAMMA) != GradientWrite.NONE;
    Map<Arg, Memory> backward = new EnumMap<>(common);
    backward.put(Arg.DIFF_DST, op.at(x, gradient));
    backward.put(Arg.DIFF_SRC, op.at(x, Slot.DX));
    backward.put(
        Arg.DIFF_SCALE,
        wanted ? op.at(channels, Slot.DGAMMA) : op.at(channels, Slot.SCRATCH, temporary(0)));
    backward.put(
        Arg.DIFF_SHIFT,
        wanted
            ? op.at(channels, Slot.DBETA)
            : op.at(channels, Slot.SCRATCH, temporary(align(channels.bytes()))));
    op.call(BACKWARD, normBackward, backward);
  }

  /**
   * {@code running = (1 − momentum)·running + momentum·batch}, with the unbiased variance of the
   * batch.
   */
  private Runnable runningStatistics(Operands operands, long vector) {
    int c = spec.y().c();
    double m = spec.y().perChannel();
    float momentum = (float) this.op.momentum();
    float unbiased = (float) (m / (m - 1));
    Tensor saved = operands.get(Slot.SAVED);
    FloatBuffer mean = CpuBuffer.floats(new Tensor(saved.buffer(), saved.offset(), DType.F32, c));
    FloatBuffer variance =
        CpuBuffer.floats(new Tensor(saved.buffer(), saved.offset() + vector, DType.F32, c));
    FloatBuffer runningMean = CpuBuffer.floats(operands.get(Slot.RUNNING_MEAN));
    FloatBuffer runningVariance = CpuBuffer.floats(operands.get(Slot.RUNNING_VAR));
    float[] batch = new float[c];
    float[] running = new float[c];
    return () -> {
      mix(runningMean, running, mean, batch, momentum, momentum);
      mix(runningVariance, running, variance, batch, momentum, momentum * unbiased);
    };
  }

  /**
   * {@code into = (1 − momentum)·into + share·from}; the arrays are places for the values of both.
   */
  static void mix(
      FloatBuffer into,
      float[] running,
      FloatBuffer from,
      float[] batch,
      float momentum,
      float share) {
    into.get(0, running);
    from.get(0, batch);
    for (int i = 0; i < running.length; i++) {
      running[i] = (1 - momentum) * running[i] + share * batch[i];
    }
    into.put(0, running);
  }
}
