package org.jresnet.backend.cpu;

import java.nio.FloatBuffer;
import org.jresnet.backend.LossOp;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.reference.CrossEntropy;

/** The textbook's cross-entropy over single-precision logits. */
final class HostLoss implements LossOp {
  private final CrossEntropy loss;
  private final FloatBuffer logits;
  private final FloatBuffer dlogits;
  private final float[] floats;
  private final double[] doubles;
  private int[] labels;
  private double factor;
  private double value;

  HostLoss(LossSpec spec, Tensor logits, Tensor dlogits) {
    loss = new CrossEntropy(spec);
    this.logits = CpuBuffer.floats(logits);
    this.dlogits = CpuBuffer.floats(dlogits);
    floats = new float[this.logits.capacity()];
    doubles = new double[floats.length];
  }

  @Override
  public void load(int[] labels, double gradientFactor) {
    loss.checkLabels(labels);
    this.labels = labels;
    factor = gradientFactor;
  }

  @Override
  public void run() {
    logits.get(0, floats);
    for (int i = 0; i < floats.length; i++) {
      doubles[i] = floats[i];
    }
    value = loss.compute(doubles, labels, doubles, factor);
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
