package org.jresnet.backend;

import java.util.List;
import java.util.function.LongToDoubleFunction;
import org.jresnet.backend.Optimizer.Range;

/**
 * Updates of the parameters that the gradients themselves decide, where they lie: each takes the
 * gradients' norm, is left out where that is not finite, is clipped, and moves the loss scale. The
 * host may send the next step before it knows what became of the last one.
 */
public interface Updates extends AutoCloseable {
  /** Updates that can be under way at a time: sending another one waits for the last but one. */
  int DEPTH = 2;

  /**
   * Asks for an update, without waiting for it.
   *
   * @param ranges of the arenas
   * @param rate the learning rate, by the number of updates that were made before
   * @param batches whose gradients were added up; the update takes their mean
   * @return number of this update, from 0
   */
  long send(List<Range> ranges, LongToDoubleFunction rate, int batches);

  /**
   * Waits for an update, one of the last {@link #DEPTH} that were sent.
   *
   * @return what became of it; the same object tells of another one once {@link #DEPTH} more were
   *     sent
   */
  UpdateReport report(long number);

  @Override
  void close();
}
