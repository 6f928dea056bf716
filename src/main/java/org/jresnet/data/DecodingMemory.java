package org.jresnet.data;

import java.util.concurrent.Semaphore;

/**
 * The memory that threads which decode at the same time may take together. An image that needs more
 * than is free waits, in order of arrival; one that needs more than there is at all gets all of it,
 * alone.
 */
final class DecodingMemory {
  /** Bytes of one permit. */
  private static final int UNIT = 1 << 16;

  /** The one heap of this process, whoever decodes. */
  static final DecodingMemory HEAP = new DecodingMemory(Limits.budget());

  private final int units;
  private final Semaphore free;

  /**
   * Memory to share.
   *
   * @param bytes all of it
   */
  DecodingMemory(long bytes) {
    units = (int) Math.max(1, Math.min(bytes / UNIT, Integer.MAX_VALUE));
    free = new Semaphore(units, true);
  }

  /**
   * Waits for a share, whatever interrupts.
   *
   * @return what to {@link #give} back when the image is done
   */
  int take(long bytes) {
    int wanted = (int) Math.max(1, Math.min(bytes / UNIT + 1, (long) units));
    free.acquireUninterruptibly(wanted);
    return wanted;
  }

  /** Gives a share back. */
  void give(int share) {
    free.release(share);
  }
}
