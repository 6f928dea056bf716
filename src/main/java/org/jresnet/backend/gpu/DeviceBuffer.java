package org.jresnet.backend.gpu;

import org.jresnet.backend.Buffer;
import org.jresnet.backend.Tensor;
import org.jresnet.nativebindings.cuda.DeviceMemory;

/** Device memory as the contract's buffer; how the host gets at it is the subclass's matter. */
abstract class DeviceBuffer implements Buffer {
  private final DeviceMemory memory;

  DeviceBuffer(DeviceMemory memory) {
    this.memory = memory;
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
