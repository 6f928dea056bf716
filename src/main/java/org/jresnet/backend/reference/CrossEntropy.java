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
 * Logits are few, so every CPU backend computes the loss here, in double precision. Calls allocate
 * nothing. Used from one thread.
 */
public final class CrossEntropy {
  private final LossSpec spec;
  private final double[] weights;
  private int correct;

  /** A loss of the given kind. */
  public CrossEntropy(LossSpec spec) {
    this.spec = spec;
    weights = new double[spec.classes()];
    for (int k = 0; k < weights.length; k++) {
      weights[k] = spec.classWeights().isEmpty() ? 1 : spec.classWeights().get(k);
    }
  }

  /**
   * Computes the loss of a batch and its gradient.
   *
   * @param z logits {@code [n, classes]}
   * @param labels n class indices
   * @param dz receives the gradient {@code [n, classes]}, may be {@code z} itself
   * @param factor on the gradient
   * @return mean loss
   * @throws IllegalArgumentException when a length or a label does not fit, before {@code dz} is
   *     touched
   */
  public double compute(double[] z, int[] labels, double[] dz, double factor) {
    int classes = spec.classes();
    check(z, labels, dz);
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
    double hard = k == label ? 1 - spec.labelSmoothing() : 0;
    return weights[k] * (hard + spec.labelSmoothing() / spec.classes());
  }

  private void check(double[] z, int[] labels, double[] dz) {
    checkLabels(labels);
    long expected = (long) spec.n() * spec.classes();
    if (z.length != expected || dz.length != expected) {
      throw new IllegalArgumentException(
          "expected "
              + expected
              + " logits and as many gradients, found "
              + z.length
              + " and "
              + dz.length);
    }
  }

  /**
   * Refuses labels that do not fit.
   *
   * @throws IllegalArgumentException when there are not n, or one is not a class
   */
  public void checkLabels(int[] labels) {
    if (labels.length != spec.n()) {
      throw new IllegalArgumentException(
          "expected " + spec.n() + " labels, found " + labels.length);
    }
    for (int n = 0; n < labels.length; n++) {
      if (labels[n] < 0 || labels[n] >= spec.classes()) {
        throw new IllegalArgumentException(
            "label " + labels[n] + " of image " + n + " is not in 0.." + (spec.classes() - 1));
      }
    }
  }

  /** Images of the last batch whose largest logit (the first one of equals) is at the label. */
  public int correct() {
    return correct;
  }
}
