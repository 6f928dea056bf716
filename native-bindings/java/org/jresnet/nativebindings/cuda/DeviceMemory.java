package org.jresnet.nativebindings.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;

/** A block of device memory, aligned to at least 256 bytes. */
public final class DeviceMemory implements AutoCloseable {
  private BytePointer address;
  private final long bytes;
  private final boolean device;

  /**
   * Allocates.
   *
   * @throws CudaException of kind OUT_OF_MEMORY
   */
  public DeviceMemory(long bytes) {
    this.bytes = bytes;
    device = true;
    address = new BytePointer((Pointer) null);
    Check.runtime(
        cudart.cudaMalloc(address, Math.max(bytes, 1)),
        "allocating " + (bytes >> 20) + " MB on the device");
  }

  private DeviceMemory(BytePointer address) {
    this.address = address;
    bytes = address.capacity();
    device = false;
  }

  /** Memory of the host in the place of a device's, for kernels that run there in tests. */
  public static DeviceMemory onHost(long bytes) {
    return new DeviceMemory(new BytePointer(bytes));
  }

  /** The bytes of {@link #onHost} memory. */
  public ByteBuffer hostView() {
    if (device) {
      throw new IllegalStateException("this memory is the device's");
    }
    return address.asByteBuffer().order(ByteOrder.nativeOrder());
  }

  /** Size in bytes. */
  public long bytes() {
    return bytes;
  }

  /** Device address as a number, for kernel arguments. */
  public long address(long offset, long length) {
    require(offset, length);
    return address.address() + offset;
  }

  Pointer at(long offset, long length) {
    require(offset, length);
    return address.getPointer(offset);
  }

  private void require(long offset, long length) {
    if (address == null) {
      throw new IllegalStateException("device memory is used after close");
    }
    if (offset < 0 || length < 0 || offset + length > bytes) {
      throw new IndexOutOfBoundsException(
          length + " bytes at " + offset + " leave a block of " + bytes);
    }
  }

  @Override
  public void close() {
    if (address != null) {
      if (device) {
        cudart.cudaFree(address);
      } else {
        address.close();
      }
      address = null;
    }
  }
}
