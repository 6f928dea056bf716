package org.jresnet.backend;

import java.nio.ByteBuffer;

/**
 * A block of a backend's memory, owned by whoever allocated it. Offsets and lengths are in bytes;
 * data cross to the host little-endian.
 */
public interface Buffer extends AutoCloseable {
  /** Size in bytes. */
  long bytes();

  /** Copies the remaining bytes of {@code source} to {@code offset}. */
  void write(long offset, ByteBuffer source);

  /** Fills the remaining bytes of {@code target} from {@code offset}. */
  void read(long offset, ByteBuffer target);

  /**
   * Bytes for reading at once, as for a file: a live view where the memory is the host's, a copy
   * elsewhere.
   *
   * @param length at most 2 GB
   */
  ByteBuffer snapshot(long offset, int length);

  /** Gives the memory back; closing twice is harmless, use after it is an error. */
  @Override
  void close();
}
