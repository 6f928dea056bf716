package org.jresnet.backend;

/** An op tied to its memory. */
public interface PreparedOp extends AutoCloseable {
  /**
   * Called once after parameters have changed and before forward: inference packs and folds weights
   * here.
   */
  default void prepare() {}

  /** Computes Y. */
  void forward();

  /**
   * Computes the gradients that the spec asks for; only in {@link Pass#TRAINING}, after forward.
   */
  void backward();

  @Override
  void close();
}
