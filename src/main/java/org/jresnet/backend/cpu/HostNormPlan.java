package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Consumer;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.RankSums;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.cpu.vector.NormLoops;
import org.jresnet.graph.Activation.Function;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.OneDnn;

/**
 * Batch norm in training for channels that are no multiple of eight, and for all where its sums are
 * those of several processes; with a residual, a ReLU or a ReLU6 behind it. oneDNN 3.11 computes
 * these value by value: 1.1 GB/s were measured for the 58 channels of a ShuffleNet, where these
 * loops reach many times that.
 *
 * <p>Memory is passed in stretches of whole pixels. What belongs to a channel is repeated for each
 * pixel of a stretch, so that every one of {@link NormLoops} goes over arrays of any number of
 * channels.
 */
final class HostNormPlan extends CpuPlan {
  /** Values of a stretch, which the JVM copies fastest below 2 kB: a quarter faster than 4 kB. */
  private static final int STRETCH = 512;

  private static final int LANES = 8;

  private final Workers workers;
  private final NormLoops loops;
  private final Op.BatchNorm op;
  private final boolean trains;
  private final boolean rectifies;
  private final boolean clips;

  /** Whether backward computes y anew, which takes less time than reading it. */
  private final boolean recomputes;

  private final RankSums sums; // or null
  private final int c;
  private final int pixels;

  /** Of all processes. */
  private final double allPixels;

  private final int run;

  /**
   * Plans a norm.
   *
   * @param sums over the processes that it takes into account
   */
  HostNormPlan(OneDnn dnn, Workers workers, NormLoops loops, OpSpec spec, Optional<RankSums> sums) {
    super(dnn, spec);
    this.workers = workers;
    this.loops = loops;
    this.sums = sums.orElse(null);
    op = (Op.BatchNorm) spec.op();
    trains = spec.mode() == Mode.TRAIN;
    rectifies = spec.activates();
    clips = spec.activation().filter(a -> a.function() == Function.RELU6).isPresent();
    // A BF16 y was rounded, to 6 for example.
    recomputes = !spec.adds() && spec.type() == DType.F32;
    c = spec.y().c();
    pixels = Math.toIntExact(spec.y().perChannel());
    allPixels = (double) pixels * sums.map(RankSums::ranks).orElse(1);
    run = Math.max(1, Math.min(STRETCH / c, pixels));
    dataType(spec.type());
    requireNoAccumulation(spec.write(Slot.DX), "the dx of a batch norm");
    requireNoAccumulation(spec.write(Slot.DGAMMA), "dgamma and dbeta");
    if (trains && allPixels < 2) {
      throw new UnsupportedOperationException(
          "a training batch norm needs more than one value per channel, found " + spec.y());
    }
    requireRectifier(spec);
    saved(3 * align((long) c * Float.BYTES));
  }

  /** Whether these loops are for that norm. */
  static boolean suits(OpSpec spec) {
    return spec.pass() == org.jresnet.backend.Pass.TRAINING
        && spec.y().c() % LANES != 0
        && !spec.adds()
        && rectifiesOnly(spec);
  }

  /** Checks that what ends the call, if anything does, is a ReLU or a ReLU6. */
  static void requireRectifier(OpSpec spec) {
    if (!rectifiesOnly(spec)) {
      throw new UnsupportedOperationException(
          "a batch norm in training takes a ReLU or ReLU6 along, found " + spec.kind());
    }
  }

  private static boolean rectifiesOnly(OpSpec spec) {
    return spec.activation().stream()
        .allMatch(a -> a.function() == Function.RELU || a.function() == Function.RELU6);
  }

  @Override
  public String implementation() {
    return "java";
  }

  @Override
  protected void build(CpuBinding binding, Operands operands) {
    long bytes = operands.get(Slot.Y).bytes();
    Tensors tensors = new Tensors(operands);
    binding.host(FORWARD, (trains ? 3 : 2) * bytes, tensors::forward);
    if (spec.write(Slot.DX) != GradientWrite.NONE
        || spec.write(Slot.DGAMMA) != GradientWrite.NONE
        || spec.adds()) {
      binding.host(BACKWARD, (rectifies && !recomputes ? 7 : 5) * bytes, tensors::backward);
    }
  }

  private float[] stretch() {
    return new float[run * c];
  }

  /** The norm with its tensors. */
  private final class Tensors {
    private final HostTensor x;
    private final HostTensor y;
    private final HostTensor dy;
    private final HostTensor dx;
    private final HostTensor residual;
    private final HostTensor dresidual;
    private final FloatBuffer mean;
    private final FloatBuffer variance;

    /** Beta of forward, which backward may not read elsewhere. */
    private final FloatBuffer savedBeta;

    private final FloatBuffer runningMean;
    private final FloatBuffer runningVariance;
    private final FloatBuffer gamma;
    private final FloatBuffer beta;
    private final FloatBuffer dgamma;
    private final FloatBuffer dbeta;
    private final float[] channel = new float[c];
    private final float[] other = new float[c];
    private final double[] total = new double[c];
    private final double[] otherTotal = new double[c];
    private final double[] both = new double[2 * c];

    /** Repeated for the pixels of a stretch. */
    private final float[] means = stretch();

    private final float[] scales = stretch();
    private final float[] shifts = stretch();
    private final float[] offsets = stretch();
    private final float[] slopes = stretch();
    private final NormShare[] shares = new NormShare[workers.count()];

    Tensors(Operands operands) {
      x = new HostTensor(operands.get(Slot.X));
      y = new HostTensor(operands.get(Slot.Y));
      dy = tensor(operands, Slot.DY);
      dx = spec.write(Slot.DX) == GradientWrite.NONE ? null : tensor(operands, Slot.DX);
      residual = spec.adds() ? tensor(operands, Slot.RESIDUAL) : null;
      dresidual = spec.adds() ? tensor(operands, Slot.DRESIDUAL) : null;
      mean = saved(operands, 0);
      variance = saved(operands, 1);
      savedBeta = saved(operands, 2);
      runningMean = CpuBuffer.floats(operands.get(Slot.RUNNING_MEAN));
      runningVariance = CpuBuffer.floats(operands.get(Slot.RUNNING_VAR));
      gamma = CpuBuffer.floats(operands.get(Slot.GAMMA));
      beta = CpuBuffer.floats(operands.get(Slot.BETA));
      boolean wanted = spec.write(Slot.DGAMMA) != GradientWrite.NONE;
      dgamma = wanted ? CpuBuffer.floats(operands.get(Slot.DGAMMA)) : null;
      dbeta = wanted ? CpuBuffer.floats(operands.get(Slot.DBETA)) : null;
      for (int i = 0; i < shares.length; i++) {
        shares[i] = new NormShare(c, run);
      }
    }

    private FloatBuffer saved(Operands operands, int index) {
      Tensor all = operands.get(Slot.SAVED);
      long at = all.offset() + index * align((long) c * Float.BYTES);
      return CpuBuffer.floats(new Tensor(all.buffer(), at, DType.F32, c));
    }

    private HostTensor tensor(Operands operands, Slot slot) {
      return new HostTensor(operands.get(slot));
    }

    // Made once: a step allocates nothing.
    private final Workers.Task moments = sums(this::addMoments, NormShare::foldMoments);
    private final Workers.Task normalise = task(this::write);
    private final Workers.Task gradientSums = sums(this::addGradients, NormShare::fold);
    private final Workers.Task gradient = task(this::writeGradient);

    private Workers.Task task(Stretch body) {
      return worker -> each(worker, body);
    }

    /** The same where the body adds up; {@code end} folds what is left of the sums. */
    private Workers.Task sums(Stretch body, Consumer<NormShare> end) {
      return worker -> {
        shares[worker].clear();
        each(worker, body);
        end.accept(shares[worker]);
      };
    }

    /** A worker's stretches. */
    private void each(int worker, Stretch body) {
      NormShare share = shares[worker];
      long end = workers.share(worker + 1, pixels, run);
      for (long p = workers.share(worker, pixels, run); p < end; p += run) {
        body.at(share, p * c, (int) Math.min(run, end - p) * c);
      }
    }

    private void total() {
      Arrays.fill(total, 0);
      Arrays.fill(otherTotal, 0);
      for (NormShare share : shares) {
        for (int k = 0; k < c; k++) {
          total[k] += share.sum[k];
          otherTotal[k] += share.otherSum[k];
        }
      }
    }

    void forward() {
      if (trains) {
        workers.run(moments);
        total();
        addUp();
        float momentum = (float) op.momentum();
        float unbiased = (float) (allPixels / (allPixels - 1));
        for (int k = 0; k < c; k++) {
          channel[k] = (float) (total[k] / allPixels);
        }
        mean.put(0, channel);
        NormPlan.mix(runningMean, other, mean, channel, momentum, momentum);
        for (int k = 0; k < c; k++) {
          double average = total[k] / allPixels;
          channel[k] = (float) Math.max(0, otherTotal[k] / allPixels - average * average);
        }
        variance.put(0, channel);
        NormPlan.mix(runningVariance, other, variance, channel, momentum, momentum * unbiased);
      }
      beta.get(0, channel);
      savedBeta.put(0, channel);
      prepare();
      workers.run(normalise);
    }

    /** Means, scales and shifts of this pass; leaves the inverse deviations in {@link #other}. */
    private void prepare() {
      (trains ? mean : runningMean).get(0, channel);
      NormShare.repeat(channel, means);
      (trains ? variance : runningVariance).get(0, other);
      gamma.get(0, channel);
      for (int k = 0; k < c; k++) {
        other[k] = (float) (1 / Math.sqrt(other[k] + op.eps()));
        channel[k] *= other[k];
      }
      NormShare.repeat(channel, scales);
      savedBeta.get(0, channel);
      NormShare.repeat(channel, shifts);
    }

    private void addMoments(NormShare share, long at, int count) {
      x.get(at, share.x, count);
      share.shift();
      loops.addMoments(share.part, share.otherPart, share.x.values, share.shifts, 0, count);
      share.addedMoments(count / c);
    }

    private void write(NormShare share, long at, int count) {
      float[] values = share.x.values;
      x.get(at, share.x, count);
      loops.normalise(values, values, means, scales, shifts, 0, count);
      if (residual != null) {
        residual.get(at, share.y, count);
        loops.add(values, share.y.values, 0, count);
      }
      if (rectifies) {
        loops.rectify(values, 0, count);
      }
      if (clips) {
        loops.clip(values, 0, count);
      }
      y.put(at, share.x, count);
    }

    void backward() {
      prepare();
      // The sums over a frozen norm's pixels have no part in its dx.
      if (trains || dgamma != null) {
        workers.run(gradientSums);
        total();
      }
      if (dgamma != null) {
        for (int k = 0; k < c; k++) {
          channel[k] = (float) (otherTotal[k] * other[k]);
        }
        dgamma.put(0, channel);
        for (int k = 0; k < c; k++) {
          channel[k] = (float) total[k];
        }
        dbeta.put(0, channel);
      }
      // What the optimizer sees is this process' own; the exchange adds it up.
      addUp();
      if (dx == null && dresidual == null) {
        return;
      }
      for (int k = 0; k < c; k++) {
        double square = (double) other[k] * other[k];
        channel[k] = trains ? (float) (total[k] / allPixels) : 0;
        other[k] = trains ? (float) (otherTotal[k] * square / allPixels) : 0;
      }
      NormShare.repeat(channel, offsets);
      NormShare.repeat(other, slopes);
      workers.run(gradient);
    }

    private void addUp() {
      if (sums == null) {
        return;
      }
      System.arraycopy(total, 0, both, 0, c);
      System.arraycopy(otherTotal, 0, both, c, c);
      sums.add(both);
      System.arraycopy(both, 0, total, 0, c);
      System.arraycopy(both, c, otherTotal, 0, c);
    }

    private void addGradients(NormShare share, long at, int count) {
      incoming(share, at, count);
      loops.addGradients(
          share.part, share.otherPart, share.dy.values, share.x.values, means, 0, count);
      share.added();
    }

    private void writeGradient(NormShare share, long at, int count) {
      incoming(share, at, count);
      if (dresidual != null) {
        dresidual.put(at, share.dy, count);
      }
      if (dx != null) {
        loops.gradient(share.dy.values, share.x.values, means, scales, offsets, slopes, 0, count);
        dx.put(at, share.dy, count);
      }
    }

    private void incoming(NormShare share, long at, int count) {
      x.get(at, share.x, count);
      dy.get(at, share.dy, count);
      if (rectifies) {
        if (recomputes) {
          loops.normalise(share.x.values, share.y.values, means, scales, shifts, 0, count);
        } else {
          y.get(at, share.y, count);
        }
        loops.mask(share.dy.values, share.y.values, 0, count);
      }
      if (clips) {
        loops.maskClipped(share.dy.values, share.y.values, 0, count);
      }
    }
  }

  /** The body of a pass over memory. */
  private interface Stretch {
    void at(NormShare share, long at, int count);
  }
}
