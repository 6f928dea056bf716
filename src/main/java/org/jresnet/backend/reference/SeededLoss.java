package org.jresnet.backend.reference;

import org.jresnet.backend.LossSpec;

/**
 * The scalar whose gradient is a given seed s, as {@code z.backward(s)} of <a
 * href="https://pytorch.org/docs/stable/generated/torch.Tensor.backward.html">PyTorch</a>:
 *
 * <pre>
 *   loss = Σ s·z
 *   dz   = s
 * </pre>
 */
final class SeededLoss extends Loss {
  SeededLoss(LossSpec spec) {
    super(spec);
  }

  @Override
  public double compute(double[] z, double[] dz, double factor) {
    double sum = 0;
    for (int i = 0; i < z.length; i++) {
      sum += values[i] * z[i];
      dz[i] = factor * values[i];
    }
    return sum;
  }
}
