package org.jresnet.backend.reference;

import org.jresnet.backend.LossOp;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.reference.ReferenceBuffer.View;

/** {@link CrossEntropy} over the backend's memory. */
final class ReferenceLoss implements LossOp {
  private final CrossEntropy loss;
  private final View z;
  private final View dz;
  private int[] labels;
  private double factor;
  private double value;

  ReferenceLoss(LossSpec spec, Tensor logits, Tensor dlogits) {
    loss = new CrossEntropy(spec);
    z = new View(logits);
    dz = new View(dlogits);
  }

  @Override
  public void load(int[] labels, double gradientFactor) {
    loss.checkLabels(labels);
    this.labels = labels;
    factor = gradientFactor;
  }

  @Override
  public void run() {
    double[] values = z.copy();
    value = loss.compute(values, labels, values, factor);
    System.arraycopy(values, 0, dz.a, dz.at, dz.length);
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
