package org.jresnet.nativebindings.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;

/** Host memory that the device copies from and to by itself. */
public final class PinnedMemory implements AutoCloseable {
  private BytePointer address = new BytePointer((Pointer) null);
  private final ByteBuffer view;

  /** Allocates. */
  public PinnedMemory(int bytes) {
    Check.runtime(
        cudart.cudaHostAlloc(address, Math.max(bytes, 1), cudart.cudaHostAllocDefault),
        "allocating " + bytes + " B of pinned memory");
    address.capacity(bytes);
    view = address.asByteBuffer().order(ByteOrder.nativeOrder());
  }

  /** The memory; not to be used after close. */
  public ByteBuffer view() {
    return view;
  }

  /** For copies. */
  public BytePointer pointer() {
    if (address == null) {
      throw new IllegalStateException("pinned memory is used after close");
    }
    return address;
  }

  @Override
  public void close() {
    if (address != null) {
      cudart.cudaFreeHost(address);
      address = null;
    }
  }
}
