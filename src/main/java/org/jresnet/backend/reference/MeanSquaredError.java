package org.jresnet.backend.reference;

import org.jresnet.backend.LossSpec;

/**
 * Mean squared error over all N outputs of a batch, as <a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.MSELoss.html">torch.nn.MSELoss</a>:
 *
 * <pre>
 *   loss = Σ (z − t)² / N
 *   dz   = 2·(z − t) / N
 * </pre>
 */
final class MeanSquaredError extends Loss {
  MeanSquaredError(LossSpec spec) {
    super(spec);
  }

  @Override
  public double compute(double[] z, double[] dz, double factor) {
    double sum = 0;
    for (int i = 0; i < z.length; i++) {
      double off = z[i] - values[i];
      sum += off * off;
      dz[i] = factor * 2 * off / z.length;
    }
    return sum / z.length;
  }
}
