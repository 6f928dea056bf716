package org.jresnet.backend.gpu;

import java.nio.ByteBuffer;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.Tensor;
import org.jresnet.nativebindings.cuda.DeviceMemory;

/** Device memory as the contract's buffer; how the host gets at it is the subclass's matter. */
abstract class DeviceBuffer implements Buffer {
  private final DeviceMemory memory;

  DeviceBuffer(DeviceMemory memory) {
    this.memory = memory;
  }

  /** Memory that the host does not look into. */
  static DeviceBuffer hidden(DeviceMemory memory) {
    return new DeviceBuffer(memory) {
      @Override
      public void write(long offset, ByteBuffer source) {
        throw new UnsupportedOperationException();
      }

      @Override
      public void read(long offset, ByteBuffer target) {
        throw new UnsupportedOperationException();
      }

      @Override
      public ByteBuffer snapshot(long offset, int length) {
        throw new UnsupportedOperationException();
      }
    };
  }

  final DeviceMemory memory() {
    return memory;
  }

  static DeviceMemory memory(Tensor tensor) {
    return ((DeviceBuffer) tensor.buffer()).memory;
  }

  static Place place(Tensor tensor) {
    return new Place(memory(tensor), tensor.offset());
  }

  @Override
  public long bytes() {
    return memory.bytes();
  }

  @Override
  public void close() {
    memory.close();
  }
}
