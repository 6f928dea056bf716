package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import java.nio.ByteBuffer;
import org.jresnet.backend.Draws;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.OneDnn;

/**
 * Dropout and stochastic depth in training: forward and backward multiply with the same factors.
 */
final class DropoutPlan extends CpuPlan {
  private static final int CHUNK = 1024;

  private final Workers workers;
  private final Draws draws;

  DropoutPlan(OneDnn dnn, Workers workers, OpSpec spec) {
    super(dnn, spec);
    this.workers = workers;
    draws = Draws.of(spec);
    dataType(spec.type());
  }

  @Override
  public String implementation() {
    return "java";
  }

  @Override
  protected void build(CpuBinding op, Operands operands) {
    long bytes = operands.get(Slot.Y).bytes();
    op.host(FORWARD, 2 * bytes, multiplication(operands, Slot.X, Slot.Y, false));
    GradientWrite policy = spec.write(Slot.DX);
    if (policy != GradientWrite.NONE) {
      boolean adds = policy == GradientWrite.ACCUMULATE;
      op.host(BACKWARD, (adds ? 3 : 2) * bytes, multiplication(operands, Slot.DY, Slot.DX, adds));
    }
  }

  private Runnable multiplication(Operands operands, Slot source, Slot target, boolean adds) {
    HostTensor from = new HostTensor(operands.get(source));
    HostTensor to = new HostTensor(operands.get(target));
    ByteBuffer keys = CpuBuffer.bytes(operands.get(Slot.KEY));
    HostTensor.Row[] rows = HostTensor.rows(workers, CHUNK);
    HostTensor.Row[] old = HostTensor.rows(workers, adds ? CHUNK : 0);
    long elements = spec.y().elements();
    Workers.Task task =
        worker -> {
          long key = Draws.bits(keys.getDouble(0));
          long end = workers.share(worker + 1, elements, CHUNK);
          for (long at = workers.share(worker, elements, CHUNK); at < end; at += CHUNK) {
            int count = (int) Math.min(CHUNK, end - at);
            from.get(at, rows[worker], count);
            multiply(key, at, rows[worker].values, count);
            to.put(at, rows[worker], count, adds, old[worker]);
          }
        };
    return () -> workers.run(task);
  }

  /** Multiplies the values of elements {@code at} and following. */
  private void multiply(long key, long at, float[] values, int count) {
    long unit = draws.unit();
    if (unit == 1) {
      for (int i = 0; i < count; i++) {
        values[i] *= (float) draws.factor(key, at + i);
      }
      return;
    }
    for (int i = 0; i < count; ) {
      float factor = (float) draws.factor(key, at + i);
      int end = (int) Math.min(count, ((at + i) / unit + 1) * unit - at);
      for (; i < end; i++) {
        values[i] *= factor;
      }
    }
  }
}
