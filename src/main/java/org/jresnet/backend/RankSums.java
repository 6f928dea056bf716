package org.jresnet.backend;

/** Sums over the processes that train together, made within an op. */
public interface RankSums {
  /** How many processes there are, each with as many images as the others. */
  int ranks();

  /**
   * Replaces values by their sums over all processes, which have the same bits on each. All make
   * the same calls in the same order.
   */
  void add(double[] values);
}
