package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.MaxUnpool;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.OneDnn;

/**
 * Max unpooling; oneDNN has none. A worker takes some bands: the rows of an image from the first
 * one of a row of windows to the next band's.
 */
final class MaxUnpoolPlan extends CpuPlan {
  private final Workers workers;
  private final MaxUnpool pool;
  private final Shape large;
  private final Shape small;

  MaxUnpoolPlan(OneDnn dnn, Workers workers, OpSpec spec) {
    super(dnn, spec);
    this.workers = workers;
    pool = (MaxUnpool) spec.op();
    large = spec.y();
    small = spec.x();
    dataType(spec.type());
  }

  @Override
  public String implementation() {
    return "java";
  }

  @Override
  protected void build(CpuBinding op, Operands operands) {
    long bytes = operands.get(Slot.X).bytes() + 2 * operands.get(Slot.Y).bytes();
    op.host(FORWARD, bytes, new Bands(operands, Slot.X, Slot.Y, false)::scatter);
    GradientWrite policy = spec.write(Slot.DX);
    if (policy != GradientWrite.NONE) {
      boolean adds = policy == GradientWrite.ACCUMULATE;
      op.host(BACKWARD, bytes, new Bands(operands, Slot.DY, Slot.DX, adds)::gather);
    }
  }

  /** The rows of a pass and what a worker needs for one band. */
  private final class Bands {
    private final HostTensor z;
    private final HostTensor from;
    private final HostTensor to;
    private final boolean adds;
    private final int wide = large.w() * large.c();
    private final int narrow = small.w() * small.c();
    private final HostTensor.Row[] values;
    private final HostTensor.Row[] in;
    private final HostTensor.Row[] out;
    private final float[][] best;
    private final int[][] places;
    private final Workers.Task scatter = this::scatter;
    private final Workers.Task gather = this::gather;

    Bands(Operands operands, Slot source, Slot target, boolean adds) {
      z = new HostTensor(operands.get(Slot.RESIDUAL));
      from = new HostTensor(operands.get(source));
      to = new HostTensor(operands.get(target));
      this.adds = adds;
      values = HostTensor.rows(workers, wide);
      in = HostTensor.rows(workers, Math.max(wide, narrow));
      out = HostTensor.rows(workers, Math.max(wide, narrow));
      best = new float[workers.count()][narrow];
      places = new int[workers.count()][narrow];
    }

    void scatter() {
      workers.run(scatter);
    }

    void gather() {
      workers.run(gather);
    }

    private long row(Shape s, int n, int h) {
      return ((long) n * s.h() + h) * s.w() * s.c();
    }

    /** Finds the place of each window's maximum in a band: {@code h·w·c}, from the band's image. */
    private void places(int worker, int n, int p) {
      float[] largest = best[worker];
      int[] place = places[worker];
      java.util.Arrays.fill(place, -1);
      int c = large.c();
      for (int r = 0; r < pool.kernel(); r++) {
        int h = p * pool.stride() + r - pool.padding();
        if (h < 0 || h >= large.h()) {
          continue;
        }
        z.get(row(large, n, h), values[worker], wide);
        float[] row = values[worker].values;
        for (int q = 0; q < small.w(); q++) {
          for (int s = 0; s < pool.kernel(); s++) {
            int w = q * pool.stride() + s - pool.padding();
            if (w < 0 || w >= large.w()) {
              continue;
            }
            for (int j = 0; j < c; j++) {
              float value = row[w * c + j];
              int i = q * c + j;
              // NaN beats every number, as in the max pool.
              if (place[i] < 0 || value > largest[i] || Float.isNaN(value)) {
                largest[i] = value;
                place[i] = h * wide + w * c + j;
              }
            }
          }
        }
      }
    }

    private void scatter(int worker) {
      int bands = small.n() * small.h();
      int end = (int) workers.share(worker + 1, bands, 1);
      for (int band = (int) workers.share(worker, bands, 1); band < end; band++) {
        int n = band / small.h();
        int p = band % small.h();
        places(worker, n, p);
        from.get(row(small, n, p), in[worker], narrow);
        int first = p == 0 ? 0 : p * pool.stride() - pool.padding();
        int last = p == small.h() - 1 ? large.h() : (p + 1) * pool.stride() - pool.padding();
        for (int h = first; h < last; h++) {
          out[worker].clear(wide);
          for (int i = 0; i < narrow; i++) {
            if (places[worker][i] / wide == h) {
              out[worker].values[places[worker][i] % wide] = in[worker].values[i];
            }
          }
          to.put(row(large, n, h), out[worker], wide);
        }
      }
    }

    private void gather(int worker) {
      int bands = small.n() * small.h();
      int end = (int) workers.share(worker + 1, bands, 1);
      for (int band = (int) workers.share(worker, bands, 1); band < end; band++) {
        int n = band / small.h();
        int p = band % small.h();
        places(worker, n, p);
        for (int r = 0; r < pool.kernel(); r++) {
          int h = p * pool.stride() + r - pool.padding();
          if (h < 0 || h >= large.h()) {
            continue;
          }
          from.get(row(large, n, h), in[worker], wide);
          for (int i = 0; i < narrow; i++) {
            if (places[worker][i] / wide == h) {
              out[worker].values[i] = in[worker].values[places[worker][i] % wide];
            }
          }
        }
        to.put(row(small, n, p), out[worker], narrow, adds, in[worker]);
      }
    }
  }
}
