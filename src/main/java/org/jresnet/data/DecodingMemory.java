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

  /** Memory in use; close it when the image is done. */
  interface Share extends AutoCloseable {
    @Override
    void close();
  }

  /** Waits for a share, whatever interrupts. */
  Share take(long bytes) {
    int wanted = (int) Math.max(1, Math.min(bytes / UNIT + 1, (long) units));
    free.acquireUninterruptibly(wanted);
    return () -> free.release(wanted);
  }
}
