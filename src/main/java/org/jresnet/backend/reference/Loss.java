package org.jresnet.backend.reference;

import org.jresnet.backend.LossSpec;
import org.jresnet.loss.Objective;

/**
 * An objective in double precision. Outputs are few, so every CPU backend computes the loss here.
 * Calls allocate nothing. Used from one thread.
 */
public abstract class Loss {
  final LossSpec spec;
  int[] labels;
  float[] values;

  Loss(LossSpec spec) {
    this.spec = spec;
  }

  /** The loss that a spec describes. */
  public static Loss of(LossSpec spec) {
    if (spec.objective() instanceof Objective.CrossEntropy objective) {
      return new CrossEntropy(spec, objective);
    }
    return spec.objective() instanceof Objective.Seed
        ? new SeededLoss(spec)
        : new MeanSquaredError(spec);
  }

  /** Takes the labels of the next batch, as {@link LossSpec#require(int[])} allows them. */
  public final void load(int[] batch) {
    spec.require(batch);
    labels = batch;
  }

  /** Takes the values of the next batch, as {@link LossSpec#require(float[])} allows them. */
  public final void load(float[] batch) {
    spec.require(batch);
    values = batch;
  }

  /**
   * Computes the loss of a batch and its gradient.
   *
   * @param z outputs {@code [n, outputs]}
   * @param dz receives the gradient {@code [n, outputs]}, may be {@code z} itself
   * @param factor on the gradient
   * @return the loss
   */
  public abstract double compute(double[] z, double[] dz, double factor);

  /** See {@link org.jresnet.backend.LossOp#correct}. */
  public int correct() {
    return 0;
  }
}
