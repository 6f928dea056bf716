package org.jresnet.backend.onednn;

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

  HostLoss(LossSpec spec, Tensor logits, Tensor dlogits) {
    loss = new CrossEntropy(spec);
    this.logits = OneDnnBuffer.floats(logits);
    this.dlogits = OneDnnBuffer.floats(dlogits);
    floats = new float[this.logits.capacity()];
    doubles = new double[floats.length];
  }

  @Override
  public double compute(int[] labels) {
    logits.get(0, floats);
    for (int i = 0; i < floats.length; i++) {
      doubles[i] = floats[i];
    }
    double mean = loss.compute(doubles, labels, doubles);
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) doubles[i];
    }
    dlogits.put(0, floats);
    return mean;
  }

  @Override
  public int correct() {
    return loss.correct();
  }

  @Override
  public void close() {}
}
