package org.jresnet.backend;

import java.util.List;
import java.util.Optional;
import org.jresnet.backend.Optimizer.Range;
import org.jresnet.graph.DType;

/**
 * The devices of all ranks, which add up values where they lie. Every rank makes the same sums and
 * starts them in the same order.
 */
public interface DeviceRanks extends AutoCloseable {
  /** What the values are replaced by: the same bits on every rank. */
  enum Result {
    /** Their sum over all ranks. */
    TOTAL,
    /** Their mean over all ranks. */
    MEAN
  }

  /** A sum that is made again and again in the same place. No call waits or allocates. */
  interface Sum extends AutoCloseable {
    /**
     * Asks for the sum of what the work that was asked for so far leaves. Until {@link #finish}
     * nothing else may read or write the values.
     */
    void start();

    /** What is asked for from here on sees the result. */
    void finish();

    /** Bytes that each rank gives away. */
    long bytes();

    /** Gives memory back, after {@link DeviceRanks#leave}. */
    @Override
    void close();
  }

  /**
   * Prepares a sum.
   *
   * @param arena of single precision
   * @param ranges elements of it
   * @param wire how values travel: F32, or BF16, in which each is rounded and each addition rounds
   */
  Sum sum(Tensor arena, List<Range> ranges, DType wire, Result result);

  /**
   * Why there will be no sums any more: one has failed, or has not come in time, and what it should
   * have made is worthless. Empty as long as all is well.
   */
  Optional<String> failure();

  /**
   * Gives up what is under way, so that nothing waits for ranks that do not come, and makes no
   * further sums. Who ends well makes sure first that all ranks have their sums.
   */
  void leave();

  /** Leaves, and gives memory back. */
  @Override
  void close();
}
