package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Optional;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.RankSums;
import org.jresnet.backend.Tensor;
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
 * pixel of a stretch, so that every loop is a plain one over arrays, which the compiler vectorises
 * whatever the number of channels.
 */
final class HostNormPlan extends CpuPlan {
  /** Values of a stretch, which the JVM copies fastest below 2 kB: a quarter faster than 4 kB. */
  private static final int STRETCH = 512;

  /** Stretches that are added up in single precision before their sum goes on in double. */
  private static final int FOLD = 16;

  private static final int LANES = 8;

  private final Workers workers;
  private final Op.BatchNorm op;
  private final boolean trains;
  private final boolean rectifies;
  private final boolean clips;
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
  HostNormPlan(OneDnn dnn, Workers workers, OpSpec spec, Optional<RankSums> sums) {
    super(dnn, spec);
    this.workers = workers;
    this.sums = sums.orElse(null);
    op = (Op.BatchNorm) spec.op();
    trains = spec.mode() == Mode.TRAIN;
    rectifies = spec.activates();
    clips = spec.activation().filter(a -> a.function() == Function.RELU6).isPresent();
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
    saved(2 * align((long) c * Float.BYTES));
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
    Loops loops = new Loops(operands);
    binding.host(FORWARD, (trains ? 4 : 2) * bytes, loops::forward);
    if (spec.write(Slot.DX) != GradientWrite.NONE
        || spec.write(Slot.DGAMMA) != GradientWrite.NONE
        || spec.adds()) {
      binding.host(BACKWARD, (rectifies ? 7 : 5) * bytes, loops::backward);
    }
  }

  /** What belongs to one worker. */
  private final class Share {
    final HostTensor.Row x = new HostTensor.Row(run * c);
    final HostTensor.Row y = new HostTensor.Row(run * c);
    final HostTensor.Row dy = new HostTensor.Row(run * c);
    final float[] part = new float[run * c];
    final float[] otherPart = new float[run * c];
    final double[] sum = new double[c];
    final double[] otherSum = new double[c];

    void clear() {
      Arrays.fill(part, 0);
      Arrays.fill(otherPart, 0);
      Arrays.fill(sum, 0);
      Arrays.fill(otherSum, 0);
    }

    void fold() {
      for (int start = 0; start < part.length; start += c) {
        for (int k = 0; k < c; k++) {
          sum[k] += part[start + k];
          otherSum[k] += otherPart[start + k];
        }
      }
      Arrays.fill(part, 0);
      Arrays.fill(otherPart, 0);
    }
  }

  /** The norm with its tensors. */
  private final class Loops {
    private final HostTensor x;
    private final HostTensor y;
    private final HostTensor dy;
    private final HostTensor dx;
    private final HostTensor residual;
    private final HostTensor dresidual;
    private final FloatBuffer mean;
    private final FloatBuffer variance;
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
    private final float[] means = new float[run * c];

    private final float[] scales = new float[run * c];
    private final float[] shifts = new float[run * c];
    private final float[] slopes = new float[run * c];
    private final Share[] shares = new Share[workers.count()];

    Loops(Operands operands) {
      x = new HostTensor(operands.get(Slot.X));
      y = new HostTensor(operands.get(Slot.Y));
      dy = tensor(operands, Slot.DY);
      dx = spec.write(Slot.DX) == GradientWrite.NONE ? null : tensor(operands, Slot.DX);
      residual = spec.adds() ? tensor(operands, Slot.RESIDUAL) : null;
      dresidual = spec.adds() ? tensor(operands, Slot.DRESIDUAL) : null;
      Tensor saved = operands.get(Slot.SAVED);
      long vector = align((long) c * Float.BYTES);
      mean = CpuBuffer.floats(new Tensor(saved.buffer(), saved.offset(), DType.F32, c));
      variance =
          CpuBuffer.floats(new Tensor(saved.buffer(), saved.offset() + vector, DType.F32, c));
      runningMean = CpuBuffer.floats(operands.get(Slot.RUNNING_MEAN));
      runningVariance = CpuBuffer.floats(operands.get(Slot.RUNNING_VAR));
      gamma = CpuBuffer.floats(operands.get(Slot.GAMMA));
      beta = CpuBuffer.floats(operands.get(Slot.BETA));
      boolean wanted = spec.write(Slot.DGAMMA) != GradientWrite.NONE;
      dgamma = wanted ? CpuBuffer.floats(operands.get(Slot.DGAMMA)) : null;
      dbeta = wanted ? CpuBuffer.floats(operands.get(Slot.DBETA)) : null;
      for (int i = 0; i < shares.length; i++) {
        shares[i] = new Share();
      }
    }

    private HostTensor tensor(Operands operands, Slot slot) {
      return new HostTensor(operands.get(slot));
    }

    // Made once: a step allocates nothing.
    private final Workers.Task sum = task(this::addSum);
    private final Workers.Task squares = task(this::addSquares);
    private final Workers.Task normalise = task(this::write);
    private final Workers.Task gradientSums = task(this::addGradients);
    private final Workers.Task gradient = task(this::writeGradient);

    private Workers.Task task(Stretch body) {
      return worker -> each(worker, body);
    }

    /** A worker's stretches. */
    private void each(int worker, Stretch body) {
      Share share = shares[worker];
      share.clear();
      long end = workers.share(worker + 1, pixels, run);
      int since = 0;
      for (long p = workers.share(worker, pixels, run); p < end; p += run) {
        int count = (int) Math.min(run, end - p) * c;
        body.at(share, p * c, count);
        if (++since == FOLD) {
          share.fold();
          since = 0;
        }
      }
      share.fold();
    }

    private void total() {
      Arrays.fill(total, 0);
      Arrays.fill(otherTotal, 0);
      for (Share share : shares) {
        for (int k = 0; k < c; k++) {
          total[k] += share.sum[k];
          otherTotal[k] += share.otherSum[k];
        }
      }
    }

    void forward() {
      if (trains) {
        float momentum = (float) op.momentum();
        workers.run(sum);
        total();
        addUp(total);
        for (int k = 0; k < c; k++) {
          channel[k] = (float) (total[k] / allPixels);
        }
        mean.put(0, channel);
        NormPlan.mix(runningMean, other, mean, channel, momentum, momentum);
        repeat(channel, means);
        workers.run(squares);
        total();
        addUp(total);
        for (int k = 0; k < c; k++) {
          channel[k] = (float) (total[k] / allPixels);
        }
        variance.put(0, channel);
        float unbiased = (float) (allPixels / (allPixels - 1));
        NormPlan.mix(runningVariance, other, variance, channel, momentum, momentum * unbiased);
      }
      prepare();
      beta.get(0, channel);
      repeat(channel, shifts);
      workers.run(normalise);
    }

    /** Means and scales of this pass; leaves the inverse deviations in {@link #other}. */
    private void prepare() {
      (trains ? mean : runningMean).get(0, channel);
      repeat(channel, means);
      (trains ? variance : runningVariance).get(0, other);
      gamma.get(0, channel);
      for (int k = 0; k < c; k++) {
        other[k] = (float) (1 / Math.sqrt(other[k] + op.eps()));
        channel[k] *= other[k];
      }
      repeat(channel, scales);
    }

    private void repeat(float[] values, float[] into) {
      for (int start = 0; start < into.length; start += c) {
        System.arraycopy(values, 0, into, start, c);
      }
    }

    private void addSum(Share share, long at, int count) {
      x.get(at, share.x, count);
      NormLoops.add(share.part, share.x.values, count);
    }

    private void addSquares(Share share, long at, int count) {
      x.get(at, share.x, count);
      NormLoops.addSquared(share.part, share.x.values, means, count);
    }

    private void write(Share share, long at, int count) {
      x.get(at, share.x, count);
      NormLoops.affine(share.x.values, means, scales, shifts, count);
      if (residual != null) {
        residual.get(at, share.y, count);
        NormLoops.add(share.x.values, share.y.values, count);
      }
      if (rectifies) {
        NormLoops.rectify(share.x.values, count);
      }
      if (clips) {
        NormLoops.clip(share.x.values, count);
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
      addUpBoth();
      if (dx == null && dresidual == null) {
        return;
      }
      for (int k = 0; k < c; k++) {
        double square = (double) other[k] * other[k];
        channel[k] = trains ? (float) (total[k] / allPixels) : 0;
        other[k] = trains ? (float) (otherTotal[k] * square / allPixels) : 0;
      }
      repeat(channel, shifts);
      repeat(other, slopes);
      workers.run(gradient);
    }

    private void addUp(double[] values) {
      if (sums != null) {
        sums.add(values);
      }
    }

    private void addUpBoth() {
      System.arraycopy(total, 0, both, 0, c);
      System.arraycopy(otherTotal, 0, both, c, c);
      addUp(both);
      System.arraycopy(both, 0, total, 0, c);
      System.arraycopy(both, c, otherTotal, 0, c);
    }

    private void addGradients(Share share, long at, int count) {
      incoming(share, at, count);
      NormLoops.add(share.part, share.dy.values, count);
      NormLoops.addCentred(share.otherPart, share.dy.values, share.x.values, means, count);
    }

    private void writeGradient(Share share, long at, int count) {
      incoming(share, at, count);
      if (dresidual != null) {
        dresidual.put(at, share.dy, count);
      }
      if (dx != null) {
        outgoing(share.dy.values, share.x.values, count);
        dx.put(at, share.dy, count);
      }
    }

    private void incoming(Share share, long at, int count) {
      x.get(at, share.x, count);
      dy.get(at, share.dy, count);
      if (rectifies) {
        y.get(at, share.y, count);
        NormLoops.mask(share.dy.values, share.y.values, count);
      }
      if (clips) {
        NormLoops.maskClipped(share.dy.values, share.y.values, count);
      }
    }

    /** {@code dx = scale·(dy − mean(dy) − x̂·mean(dy·x̂))}. */
    private void outgoing(float[] dy, float[] x, int count) {
      for (int i = 0; i < count; i++) {
        dy[i] = scales[i] * (dy[i] - shifts[i] - (x[i] - means[i]) * slopes[i]);
      }
    }
  }

  /** The body of a pass over memory. */
  private interface Stretch {
    void at(Share share, long at, int count);
  }
}
