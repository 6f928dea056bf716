package org.jresnet.backend.reference;

import org.jresnet.backend.LossOp;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.Ring;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.Updates;
import org.jresnet.backend.reference.ReferenceBuffer.View;

/** A {@link Loss} over the backend's memory. */
final class ReferenceLoss implements LossOp {
  private final Loss loss;
  private final View z;
  private final View dz;
  private final View scale;
  private final double[] values = new double[Updates.DEPTH];
  private final int[] correct = new int[Updates.DEPTH];
  private double value;
  private long sent;

  ReferenceLoss(LossSpec spec, Tensor logits, Tensor dlogits, Tensor gradientScale) {
    loss = Loss.of(spec);
    z = new View(logits);
    dz = new View(dlogits);
    scale = new View(gradientScale);
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
    double[] outputs = z.copy();
    value = loss.compute(outputs, outputs, scale.get(0));
    System.arraycopy(outputs, 0, dz.a, dz.at, dz.length);
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
