package org.jresnet.nativebindings.onednn;

import org.bytedeco.dnnl.memory;

/** A description tied to an address; lives as long as its scope. */
public final class Memory {
  final memory handle;
  private final long bytes;

  Memory(memory handle, long bytes) {
    this.handle = handle;
    this.bytes = bytes;
  }

  /** Bytes of the tensor. */
  public long bytes() {
    return bytes;
  }
}
