package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.Slot;
import org.jresnet.graph.Upsample;
import org.jresnet.nativebindings.onednn.OneDnn;

/** Pixels repeated, row by row; JavaCPP has no constructors for oneDNN's resampling. */
final class UpsamplePlan extends CpuPlan {
  private final Workers workers;
  private final int scale;

  UpsamplePlan(OneDnn dnn, Workers workers, OpSpec spec) {
    super(dnn, spec);
    this.workers = workers;
    scale = ((Upsample) spec.op()).scale();
    dataType(spec.type());
  }

  @Override
  public String implementation() {
    return "java";
  }

  @Override
  protected void build(CpuBinding op, Operands operands) {
    long bytes = operands.get(Slot.X).bytes() + operands.get(Slot.Y).bytes();
    op.host(FORWARD, bytes, repetition(operands));
    if (spec.write(Slot.DX) != GradientWrite.NONE) {
      op.host(BACKWARD, bytes, sums(operands));
    }
  }

  /** A worker takes some rows of x. */
  private Runnable repetition(Operands operands) {
    HostTensor x = new HostTensor(operands.get(Slot.X));
    HostTensor y = new HostTensor(operands.get(Slot.Y));
    int c = spec.x().c();
    int narrow = spec.x().w() * c;
    int wide = spec.y().w() * c;
    int rows = spec.x().n() * spec.x().h();
    HostTensor.Row[] in = HostTensor.rows(workers, narrow);
    HostTensor.Row[] out = HostTensor.rows(workers, wide);
    Workers.Task task =
        worker -> {
          int end = (int) workers.share(worker + 1, rows, 1);
          for (int row = (int) workers.share(worker, rows, 1); row < end; row++) {
            x.get((long) row * narrow, in[worker], narrow);
            for (int q = 0; q < spec.y().w(); q++) {
              System.arraycopy(in[worker].values, q / scale * c, out[worker].values, q * c, c);
            }
            for (int i = 0; i < scale; i++) {
              y.put(((long) row * scale + i) * wide, out[worker], wide);
            }
          }
        };
    return () -> workers.run(task);
  }

  private Runnable sums(Operands operands) {
    HostTensor dy = new HostTensor(operands.get(Slot.DY));
    HostTensor dx = new HostTensor(operands.get(Slot.DX));
    boolean adds = spec.write(Slot.DX) == GradientWrite.ACCUMULATE;
    int c = spec.x().c();
    int narrow = spec.x().w() * c;
    int wide = spec.y().w() * c;
    int rows = spec.x().n() * spec.x().h();
    HostTensor.Row[] in = HostTensor.rows(workers, wide);
    HostTensor.Row[] out = HostTensor.rows(workers, narrow);
    Workers.Task task =
        worker -> {
          float[] sum = out[worker].values;
          float[] gradient = in[worker].values;
          int end = (int) workers.share(worker + 1, rows, 1);
          for (int row = (int) workers.share(worker, rows, 1); row < end; row++) {
            out[worker].clear(narrow);
            for (int i = 0; i < scale; i++) {
              dy.get(((long) row * scale + i) * wide, in[worker], wide);
              for (int q = 0; q < spec.y().w(); q++) {
                int to = q / scale * c;
                for (int j = 0; j < c; j++) {
                  sum[to + j] += gradient[q * c + j];
                }
              }
            }
            dx.put((long) row * narrow, out[worker], narrow, adds, in[worker]);
          }
        };
    return () -> workers.run(task);
  }
}
