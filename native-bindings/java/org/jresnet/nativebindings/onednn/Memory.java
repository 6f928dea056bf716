package org.jresnet.nativebindings.onednn;

import org.bytedeco.dnnl.memory;

/** A description tied to an address; lives as long as its scope. */
public final class Memory {
  final memory handle;

  Memory(memory handle) {
    this.handle = handle;
  }
}
