package org.jresnet.backend.cpu;

import java.nio.FloatBuffer;
import org.jresnet.backend.LossOp;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.reference.Loss;

/** The textbook's loss over single-precision outputs. */
final class HostLoss implements LossOp {
  private final Loss loss;
  private final FloatBuffer logits;
  private final FloatBuffer dlogits;
  private final float[] floats;
  private final double[] doubles;
  private double factor;
  private double value;

  HostLoss(LossSpec spec, Tensor logits, Tensor dlogits) {
    loss = Loss.of(spec);
    this.logits = CpuBuffer.floats(logits);
    this.dlogits = CpuBuffer.floats(dlogits);
    floats = new float[this.logits.capacity()];
    doubles = new double[floats.length];
  }

  @Override
  public void load(int[] labels, double gradientFactor) {
    loss.load(labels);
    factor = gradientFactor;
  }

  @Override
  public void load(float[] given, double gradientFactor) {
    loss.load(given);
    factor = gradientFactor;
  }

  @Override
  public void run() {
    logits.get(0, floats);
    for (int i = 0; i < floats.length; i++) {
      doubles[i] = floats[i];
    }
    value = loss.compute(doubles, doubles, factor);
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) doubles[i];
    }
    dlogits.put(0, floats);
  }

  @Override
  public double value() {
    return value;
  }

  @Override
  public int correct() {
    return loss.correct();
  }

  @Override
  public void close() {}
}
