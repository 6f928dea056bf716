package org.jresnet.backend;

/** Loss and its gradient for one batch of logits. */
public interface LossOp extends AutoCloseable {
  /**
   * Computes the loss, the number of correct predictions, and the gradient of the logits into the
   * tensor that {@link Backend#loss} was given.
   *
   * @param labels n class indices
   * @return mean loss of the batch
   */
  double compute(int[] labels);

  /** Images of the last batch whose largest logit (the first one of equals) is at the label. */
  int correct();

  @Override
  void close();
}
