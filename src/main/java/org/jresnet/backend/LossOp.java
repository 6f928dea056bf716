package org.jresnet.backend;

/**
 * A loss and its gradient by the outputs, for one batch after the other. The gradient, and so all
 * gradients, are multiplied by the scale that {@link Backend#loss} was given.
 */
public interface LossOp extends AutoCloseable {
  /**
   * Takes the labels of the next batch; the array must stay as it is until {@link #run} is done.
   *
   * @param labels n class indices
   * @throws IllegalArgumentException when {@link LossSpec#require(int[])} refuses them
   */
  void load(int[] labels);

  /**
   * Takes the targets or the seed of the next batch; the array must stay as it is until {@link
   * #run} is done.
   *
   * @param values {@code [n, outputs]}
   * @throws IllegalArgumentException when {@link LossSpec#require(float[])} refuses them
   */
  void load(float[] values);

  /**
   * Computes the loss, the number of correct predictions, and the gradient of the outputs into the
   * tensor that {@link Backend#loss} was given.
   */
  void run();

  /**
   * Asks for what the last {@link #run} found, without waiting for it; not to be recorded with it.
   *
   * @return number of this run among those that were asked for, from 0
   */
  long send();

  /** Loss of a run, one of the last {@link Updates#DEPTH} that were asked for; waits for it. */
  double value(long run);

  /**
   * Images of that run whose largest logit (the first one of equals) is at the label; 0 where the
   * objective takes no labels.
   */
  int correct(long run);

  @Override
  void close();
}
