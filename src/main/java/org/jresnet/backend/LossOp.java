package org.jresnet.backend;

/** Loss and its gradient for one batch of logits. */
public interface LossOp extends AutoCloseable {
  /**
   * Takes the labels of the next batch.
   *
   * @param labels n class indices
   * @param gradientFactor on the gradient of the logits, and so on all gradients: 1, or the scale
   *     that keeps half-precision gradients from vanishing
   * @throws IllegalArgumentException when there are not n labels, or one is not a class
   */
  void load(int[] labels, double gradientFactor);

  /**
   * Computes the loss, the number of correct predictions, and the gradient of the logits into the
   * tensor that {@link Backend#loss} was given.
   */
  void run();

  /** Mean loss of the last batch. */
  double value();

  /** Images of the last batch whose largest logit (the first one of equals) is at the label. */
  int correct();

  @Override
  void close();
}
