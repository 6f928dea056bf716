package org.jresnet.backend.reference;

import org.jresnet.backend.LossSpec;
import org.jresnet.loss.Objective;

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
 */
final class CrossEntropy extends Loss {
  private final double smoothing;
  private final double[] weights;
  private int correct;

  CrossEntropy(LossSpec spec, Objective.CrossEntropy objective) {
    super(spec);
    smoothing = objective.labelSmoothing();
    weights = new double[spec.outputs()];
    for (int k = 0; k < weights.length; k++) {
      weights[k] = objective.classWeights().isEmpty() ? 1 : objective.classWeights().get(k);
    }
  }

  @Override
  public double compute(double[] z, double[] dz, double factor) {
    int classes = spec.outputs();
    correct = 0;
    double totalWeight = 0;
    for (int label : labels) {
      totalWeight += weights[label];
    }
    double loss = 0;
    for (int n = 0; n < labels.length; n++) {
      int at = n * classes;
      int best = 0;
      for (int k = 1; k < classes; k++) {
        best = z[at + k] > z[at + best] ? k : best;
      }
      correct += best == labels[n] ? 1 : 0;
      double sum = 0;
      for (int k = 0; k < classes; k++) {
        sum += Math.exp(z[at + k] - z[at + best]);
      }
      double logSum = z[at + best] + Math.log(sum);
      double targets = 0;
      for (int k = 0; k < classes; k++) {
        double target = target(k, labels[n]);
        targets += target;
        // A class that is no target costs nothing even at a logit of −∞, where 0·∞ would be NaN.
        loss -= target == 0 ? 0 : target * (z[at + k] - logSum);
      }
      for (int k = 0; k < classes; k++) {
        double gradient = Math.exp(z[at + k] - logSum) * targets - target(k, labels[n]);
        dz[at + k] = factor * gradient / totalWeight;
      }
    }
    return loss / totalWeight;
  }

  private double target(int k, int label) {
    double hard = k == label ? 1 - smoothing : 0;
    return weights[k] * (hard + smoothing / spec.outputs());
  }

  @Override
  public int correct() {
    return correct;
  }
}
