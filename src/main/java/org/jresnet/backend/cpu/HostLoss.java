package org.jresnet.backend.cpu;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import org.jresnet.backend.LossOp;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.Ring;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.Updates;
import org.jresnet.backend.reference.Loss;

/** The textbook's loss over single-precision outputs. */
final class HostLoss implements LossOp {
  private final Loss loss;
  private final FloatBuffer logits;
  private final FloatBuffer dlogits;
  private final float[] floats;
  private final double[] doubles;
  private final ByteBuffer gradientScale;
  private final double[] values = new double[Updates.DEPTH];
  private final int[] correct = new int[Updates.DEPTH];
  private double value;
  private long sent;

  HostLoss(LossSpec spec, Tensor logits, Tensor dlogits, Tensor gradientScale) {
    loss = Loss.of(spec);
    this.logits = CpuBuffer.floats(logits);
    this.dlogits = CpuBuffer.floats(dlogits);
    this.gradientScale = CpuBuffer.bytes(gradientScale);
    floats = new float[this.logits.capacity()];
    doubles = new double[floats.length];
  }

  @Override
  public void load(int[] labels) {
    loss.load(labels);
  }

  @Override
  public void load(float[] given) {
    loss.load(given);
  }

  @Override
  public void run() {
    logits.get(0, floats);
    for (int i = 0; i < floats.length; i++) {
      doubles[i] = floats[i];
    }
    value = loss.compute(doubles, doubles, gradientScale.getDouble(0));
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) doubles[i];
    }
    dlogits.put(0, floats);
  }

  @Override
  public long send() {
    int slot = (int) (sent % Updates.DEPTH);
    values[slot] = value;
    correct[slot] = loss.correct();
    return sent++;
  }

  @Override
  public double value(long run) {
    return values[Ring.slot(run, sent)];
  }

  @Override
  public int correct(long run) {
    return correct[Ring.slot(run, sent)];
  }

  @Override
  public void close() {}
}
