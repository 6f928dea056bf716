package org.jresnet.backend;

/** A loss and its gradient by the outputs, for one batch after the other. */
public interface LossOp extends AutoCloseable {
  /**
   * Takes the labels of the next batch; the array must stay as it is until {@link #run} is done.
   *
   * @param labels n class indices
   * @param gradientFactor on the gradient of the outputs, and so on all gradients: 1, or the scale
   *     that keeps half-precision gradients from vanishing
   * @throws IllegalArgumentException when {@link LossSpec#require(int[])} refuses them
   */
  void load(int[] labels, double gradientFactor);

  /**
   * Takes the targets or the seed of the next batch; the array must stay as it is until {@link
   * #run} is done.
   *
   * @param values {@code [n, outputs]}
   * @param gradientFactor as for labels
   * @throws IllegalArgumentException when {@link LossSpec#require(float[])} refuses them
   */
  void load(float[] values, double gradientFactor);

  /**
   * Computes the loss, the number of correct predictions, and the gradient of the outputs into the
   * tensor that {@link Backend#loss} was given.
   */
  void run();

  /** Loss of the last batch. */
  double value();

  /**
   * Images of the last batch whose largest logit (the first one of equals) is at the label; 0 where
   * the objective takes no labels.
   */
  int correct();

  @Override
  void close();
}
