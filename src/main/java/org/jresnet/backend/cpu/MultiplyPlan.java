package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import java.util.Map;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.cpu.vector.Handout;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.PostOps;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;
import org.jresnet.nativebindings.onednn.Strided;

/**
 * Products by oneDNN. The sums over pixels, that are the gradient of a factor per channel, are our
 * own: as a product and a reduction they would round each product and pass memory twice more. The
 * gradient of x is computed along with them, while dy is in the cache.
 */
final class MultiplyPlan extends CpuPlan {
  /**
   * Values that are copied to the heap at a time; they and their factors stay in the first cache.
   */
  private static final int STRETCH = 1024;

  /** Channels of a piece of work; a pixel of all channels is one stretch, however long. */
  private static final int WIDEST = 2048;

  /** Stretches that are added up in single precision. */
  private static final int FOLD = 16;

  /** Channels of a piece of work where there are fewer images than workers. */
  private static final int BLOCK = 64;

  private final Workers workers;
  private final Shape factor;
  private final boolean broadcasts;
  private final Desc x;
  private final Desc s;
  private final PrimitiveDesc product;
  private PrimitiveDesc dx;
  private PrimitiveDesc ds;

  MultiplyPlan(OneDnn dnn, Workers workers, OpSpec spec) {
    super(dnn, spec);
    this.workers = workers;
    factor = spec.inputs().get(1).shape();
    broadcasts = !factor.equals(spec.x());
    x = nhwc(spec.x(), spec.type());
    s = nhwc(factor, spec.type());
    product = product(s, GradientWrite.OVERWRITE);
    boolean sums = spec.write(Slot.DRESIDUAL) != GradientWrite.NONE;
    if (spec.write(Slot.DX) != GradientWrite.NONE && !(broadcasts && sums)) {
      dx = product(s, spec.write(Slot.DX));
    }
    if (!broadcasts && sums) {
      ds = product(x, spec.write(Slot.DRESIDUAL));
    }
  }

  private PrimitiveDesc product(Desc second, GradientWrite policy) {
    PostOps postOps = policy == GradientWrite.ACCUMULATE ? scope.postOps().sum() : scope.postOps();
    return require(new Strided(scope).multiply(x, second, x, postOps), "multiplication");
  }

  @Override
  public String implementation() {
    return product.implementation();
  }

  @Override
  protected void build(CpuBinding op, Operands operands) {
    op.call(
        FORWARD,
        product,
        Map.of(
            Arg.SRC, op.at(x, Slot.X),
            Arg.SRC_1, op.at(s, Slot.RESIDUAL),
            Arg.DST, op.at(x, Slot.Y)));
    if (dx != null) {
      op.call(
          BACKWARD,
          dx,
          Map.of(
              Arg.SRC, op.at(x, Slot.DY),
              Arg.SRC_1, op.at(s, Slot.RESIDUAL),
              Arg.DST, op.at(x, Slot.DX)));
    }
    if (ds != null) {
      op.call(
          BACKWARD,
          ds,
          Map.of(
              Arg.SRC, op.at(x, Slot.DY),
              Arg.SRC_1, op.at(x, Slot.X),
              Arg.DST, op.at(x, Slot.DRESIDUAL)));
    } else if (spec.write(Slot.DRESIDUAL) != GradientWrite.NONE) {
      boolean both = spec.write(Slot.DX) != GradientWrite.NONE;
      op.host(BACKWARD, (both ? 3 : 2) * x.bytes(), gradients(operands));
    }
  }

  /**
   * {@code dx = dy·s} and {@code ds[n,c] = Σ dy·x} over the pixels: first each place of a stretch
   * over the stretches, in single precision, then the pixels of a stretch and every so many
   * stretches in double. A worker takes an image at a time, or a block of its channels.
   */
  private Runnable gradients(Operands operands) {
    HostTensor dy = new HostTensor(operands.get(Slot.DY));
    HostTensor values = new HostTensor(operands.get(Slot.X));
    HostTensor target = new HostTensor(operands.get(Slot.DRESIDUAL));
    boolean adds = spec.write(Slot.DRESIDUAL) == GradientWrite.ACCUMULATE;
    GradientWrite write = spec.write(Slot.DX);
    HostTensor factors =
        write == GradientWrite.NONE ? null : new HostTensor(operands.get(Slot.RESIDUAL));
    HostTensor other = factors == null ? null : new HostTensor(operands.get(Slot.DX));
    int c = factor.c();
    int pixels = spec.x().h() * spec.x().w();
    int block = Math.min(c, factor.n() < workers.count() ? BLOCK : WIDEST);
    int blocks = (c + block - 1) / block;
    // Pixels lie behind each other only where a block has all channels.
    int run = block == c ? Math.min(Math.max(1, STRETCH / c), pixels) : 1;
    Handout units = new Handout(workers.count(), factor.n() * blocks, 1);
    HostTensor.Row[] a = HostTensor.rows(workers, run * block);
    HostTensor.Row[] b = HostTensor.rows(workers, run * block);
    HostTensor.Row[] parts = HostTensor.rows(workers, run * block);
    HostTensor.Row[] repeated = HostTensor.rows(workers, run * block);
    double[][] sums = new double[workers.count()][block];
    Workers.Task task =
        worker -> {
          double[] sum = sums[worker];
          HostTensor.Row part = parts[worker];
          for (int unit = units.take(worker); unit >= 0; unit = units.take(worker)) {
            long n = unit / blocks;
            int first = unit % blocks * block;
            int count = Math.min(block, c - first);
            java.util.Arrays.fill(sum, 0);
            part.clear(run * count);
            if (factors != null) {
              factors.get(n * c + first, repeated[worker], count);
              repeat(repeated[worker].values, count, run);
            }
            for (int p = 0; p < pixels; p += run) {
              long at = (n * pixels + p) * c + first;
              int copied = Math.min(run, pixels - p) * count;
              dy.get(at, a[worker], copied);
              values.get(at, b[worker], copied);
              add(a[worker].values, b[worker].values, part.values, copied);
              if (other != null) {
                multiply(a[worker].values, repeated[worker].values, copied);
                other.put(at, a[worker], copied, write == GradientWrite.ACCUMULATE, b[worker]);
              }
              if (p / run % FOLD == FOLD - 1 || p + run >= pixels) {
                fold(part.values, sum, run, count);
                part.clear(run * count);
              }
            }
            for (int i = 0; i < count; i++) {
              a[worker].values[i] = (float) sum[i];
            }
            target.put(n * c + first, a[worker], count, adds, b[worker]);
          }
        };
    return () -> {
      units.start();
      workers.run(task);
    };
  }

  /** By itself, because the compiler vectorises small methods best. */
  private static void add(float[] a, float[] b, float[] sum, int count) {
    for (int i = 0; i < count; i++) {
      sum[i] += a[i] * b[i];
    }
  }

  /** A loop of its own: in one with the sums, the compiler would vectorise neither. */
  private static void multiply(float[] a, float[] b, int count) {
    for (int i = 0; i < count; i++) {
      a[i] *= b[i];
    }
  }

  private static void repeat(float[] values, int count, int times) {
    for (int i = 1; i < times; i++) {
      System.arraycopy(values, 0, values, i * count, count);
    }
  }

  private static void fold(float[] part, double[] sum, int run, int count) {
    for (int q = 0; q < run; q++) {
      for (int i = 0; i < count; i++) {
        sum[i] += part[q * count + i];
      }
    }
  }
}
