package org.jresnet.backend;

/**
 * An update rule and its constants; the learning rate comes with each step. Defaults and order of
 * operations are torch's.
 */
public sealed interface UpdateRule {
  /** Arrays of the size of the parameters that the rule carries from step to step. */
  int states();

  /**
   * Adam (Kingma and Ba 2014) with L2 weight decay added to the gradient, as <a
   * href="https://pytorch.org/docs/stable/generated/torch.optim.Adam.html">torch.optim.Adam</a>;
   * states m, v.
   */
  record Adam(double beta1, double beta2, double eps, double weightDecay) implements UpdateRule {
    @Override
    public int states() {
      return 2;
    }
  }

  /**
   * Adam with decoupled weight decay (Loshchilov and Hutter 2017), as <a
   * href="https://pytorch.org/docs/stable/generated/torch.optim.AdamW.html">torch.optim.AdamW</a>;
   * states m, v.
   */
  record AdamW(double beta1, double beta2, double eps, double weightDecay) implements UpdateRule {
    @Override
    public int states() {
      return 2;
    }
  }

  /**
   * Gradient descent with momentum (dampening 0, not Nesterov), as <a
   * href="https://pytorch.org/docs/stable/generated/torch.optim.SGD.html">torch.optim.SGD</a>;
   * state: the momentum.
   */
  record Sgd(double momentum, double weightDecay) implements UpdateRule {
    @Override
    public int states() {
      return 1;
    }
  }
}
