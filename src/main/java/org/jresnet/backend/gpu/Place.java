package org.jresnet.backend.gpu;

import org.jresnet.nativebindings.cuda.DeviceMemory;

/** Device memory from an offset on. */
record Place(DeviceMemory memory, long offset) {
  Place plus(long bytes) {
    return new Place(memory, offset + bytes);
  }

  /** The address, for kernels. */
  long address() {
    return memory.address(offset, 0);
  }
}
