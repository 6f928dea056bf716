package org.jresnet.backend.reference;

import org.jresnet.backend.LossOp;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.reference.ReferenceBuffer.View;

/** A {@link Loss} over the backend's memory. */
final class ReferenceLoss implements LossOp {
  private final Loss loss;
  private final View z;
  private final View dz;
  private double factor;
  private double value;

  ReferenceLoss(LossSpec spec, Tensor logits, Tensor dlogits) {
    loss = Loss.of(spec);
    z = new View(logits);
    dz = new View(dlogits);
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
    double[] values = z.copy();
    value = loss.compute(values, values, factor);
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
