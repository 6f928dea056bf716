package org.jresnet.nativebindings.onednn;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;

/**
 * A block of host memory outside the Java heap, aligned to 64 bytes. Pages are touched when they
 * are first used.
 */
public final class HostMemory implements AutoCloseable {
  private static final int ALIGNMENT = 64;

  private final long bytes;
  private final long shift;
  private BytePointer pointer;

  /**
   * Allocates without initialising.
   *
   * @throws OutOfMemoryError if the system or JavaCPP's limits refuse
   */
  public HostMemory(long bytes) {
    this.bytes = bytes;
    pointer = new BytePointer(bytes + ALIGNMENT);
    shift = -pointer.address() & (ALIGNMENT - 1);
  }

  /** Usable size. */
  public long bytes() {
    return bytes;
  }

  /** A view of up to 2 GB in native byte order, valid until {@link #close()}. */
  public ByteBuffer view(long offset, int length) {
    if (offset < 0 || length < 0 || offset + length > bytes) {
      throw new IndexOutOfBoundsException(offset + "+" + length + " of " + bytes + " bytes");
    }
    // The address moves and the position stays 0: a Buffer of JavaCPP is empty where its position
    // exceeds 2 GB.
    return at(offset).limit(length).asByteBuffer().order(ByteOrder.nativeOrder());
  }

  /**
   * Address of byte {@code offset}. The pointer shares this block's deallocator, so it is never
   * closed: closing a copy would free the block.
   */
  BytePointer at(long offset) {
    return live().getPointer(shift + offset);
  }

  private BytePointer live() {
    if (pointer == null) {
      throw new IllegalStateException("host memory is used after close");
    }
    return pointer;
  }

  /** Native objects with a deallocator that are alive in this process, for leak checks. */
  public static long nativeObjects() {
    return Pointer.totalCount();
  }

  @Override
  public void close() {
    if (pointer != null) {
      pointer.close();
      pointer = null;
    }
  }
}
