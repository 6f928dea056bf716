package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import java.util.Map;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
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
 * own: as a product and a reduction they would round each product and pass memory twice more.
 */
final class MultiplyPlan extends CpuPlan {
  /** Channels that a worker sums side by side. */
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
    if (spec.write(Slot.DX) != GradientWrite.NONE) {
      dx = product(s, spec.write(Slot.DX));
    }
    if (!broadcasts && spec.write(Slot.DRESIDUAL) != GradientWrite.NONE) {
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
      op.host(BACKWARD, 2 * x.bytes(), sums(operands));
    }
  }

  /** {@code ds[n,c] = Σ dy·x} over the pixels; a worker takes some blocks of channels. */
  private Runnable sums(Operands operands) {
    HostTensor dy = new HostTensor(operands.get(Slot.DY));
    HostTensor values = new HostTensor(operands.get(Slot.X));
    HostTensor target = new HostTensor(operands.get(Slot.DRESIDUAL));
    boolean adds = spec.write(Slot.DRESIDUAL) == GradientWrite.ACCUMULATE;
    int c = factor.c();
    int pixels = spec.x().h() * spec.x().w();
    int blocks = (c + BLOCK - 1) / BLOCK;
    long units = (long) factor.n() * blocks;
    HostTensor.Row[] a = HostTensor.rows(workers, BLOCK);
    HostTensor.Row[] b = HostTensor.rows(workers, BLOCK);
    double[][] sums = new double[workers.count()][BLOCK];
    Workers.Task task =
        worker -> {
          double[] sum = sums[worker];
          long end = workers.share(worker + 1, units, 1);
          for (long unit = workers.share(worker, units, 1); unit < end; unit++) {
            long n = unit / blocks;
            int first = (int) (unit % blocks) * BLOCK;
            int count = Math.min(BLOCK, c - first);
            java.util.Arrays.fill(sum, 0);
            for (int p = 0; p < pixels; p++) {
              long at = (n * pixels + p) * c + first;
              dy.get(at, a[worker], count);
              values.get(at, b[worker], count);
              for (int i = 0; i < count; i++) {
                sum[i] += (double) a[worker].values[i] * b[worker].values[i];
              }
            }
            for (int i = 0; i < count; i++) {
              a[worker].values[i] = (float) sum[i];
            }
            target.put(n * c + first, a[worker], count, adds, b[worker]);
          }
        };
    return () -> workers.run(task);
  }
}
