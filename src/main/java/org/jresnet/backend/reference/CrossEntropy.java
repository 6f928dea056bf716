package org.jresnet.backend.reference;

import org.jresnet.backend.LossSpec;

/**
 * Softmax cross-entropy with label smoothing ε and class weights w, as <a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html">torch.nn.CrossEntropyLoss</a>:
 *
 * <pre>
 *   logp = z − max z − log Σ exp(z − max z)                       W = Σ_n w[label_n]
 *   t_n[k] = w[k]·((1−ε)·[k = label_n] + ε/K)
 *   loss = −Σ_n Σ_k t_n[k]·logp_n[k] / W
 *   dz_n[k] = (softmax_n[k]·Σ_j t_n[j] − t_n[k]) / W
 * </pre>
 *
 * Logits are few, so every CPU backend computes the loss here, in double precision.
 */
public final class CrossEntropy {
  private final LossSpec spec;
  private int correct;

  /** A loss of the given kind. */
  public CrossEntropy(LossSpec spec) {
    this.spec = spec;
  }

  /**
   * Computes the loss of a batch and its gradient.
   *
   * @param z logits {@code [n, classes]}
   * @param labels n class indices
   * @param dz receives the gradient, may be {@code z} itself
   * @return mean loss
   */
  public double compute(double[] z, int[] labels, double[] dz) {
    int classes = spec.classes();
    correct = 0;
    double totalWeight = 0;
    for (int n = 0; n < spec.n(); n++) {
      if (labels[n] < 0 || labels[n] >= classes) {
        throw new IllegalArgumentException(
            "label " + labels[n] + " of image " + n + " is not in 0.." + (classes - 1));
      }
      totalWeight += weight(labels[n]);
    }
    double loss = 0;
    for (int n = 0; n < spec.n(); n++) {
      int at = n * classes;
      int best = 0;
      for (int k = 1; k < classes; k++) {
        best = z[at + k] > z[at + best] ? k : best;
      }
      correct += best == labels[n] ? 1 : 0;
      double max = z[at + best];
      double sum = 0;
      for (int k = 0; k < classes; k++) {
        sum += Math.exp(z[at + k] - max);
      }
      double logSum = max + Math.log(sum);
      double targets = 0;
      for (int k = 0; k < classes; k++) {
        double target = target(k, labels[n]);
        targets += target;
        loss -= target * (z[at + k] - logSum);
      }
      for (int k = 0; k < classes; k++) {
        dz[at + k] = (Math.exp(z[at + k] - logSum) * targets - target(k, labels[n])) / totalWeight;
      }
    }
    return loss / totalWeight;
  }

  private double target(int k, int label) {
    double hard = k == label ? 1 - spec.labelSmoothing() : 0;
    return weight(k) * (hard + spec.labelSmoothing() / spec.classes());
  }

  private double weight(int k) {
    return spec.classWeights().isEmpty() ? 1 : spec.classWeights().get(k);
  }

  /** Images of the last batch whose largest logit is at the label. */
  public int correct() {
    return correct;
  }
}
