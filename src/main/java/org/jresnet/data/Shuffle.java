package org.jresnet.data;

import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/**
 * How far an epoch's order may carry an image, and which share of the images one of several
 * processes reads.
 *
 * @param window 0: any image may follow any other; else shards come in a random order, and images
 *     are shuffled within so many that lie side by side, so that a disk is read from end to end
 * @param rank number of this process, from 0
 * @param ranks processes that share the images; no two read the same one in an epoch
 */
public record Shuffle(int window, int rank, int ranks) {
  /** One process, any order. */
  public static final Shuffle WHOLE = new Shuffle(0, 0, 1);

  /** Checks the numbers. */
  public Shuffle {
    if (window < 0 || ranks < 1 || rank < 0 || rank >= ranks) {
      throw new UserError(
          Text.format(
              "expected a shuffle window of at least 0 and a rank from 0 below the number of ranks,"
                  + " found window %s, rank %s of %s",
              window, rank, ranks));
    }
  }

  /** One process that shuffles within windows. */
  public static Shuffle within(int window) {
    return new Shuffle(window, 0, 1);
  }
}
