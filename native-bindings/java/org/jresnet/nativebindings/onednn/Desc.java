package org.jresnet.nativebindings.onednn;

import org.bytedeco.dnnl.memory;

/** Description of a tensor's extents, element type and layout; lives as long as its scope. */
public final class Desc {
  final memory.desc handle;

  Desc(memory.desc handle) {
    this.handle = handle;
  }

  /** Bytes of a tensor so described; 0 for an empty description. */
  public long bytes() {
    return handle.get_size();
  }

  /** Whether extents, type and layout agree. */
  public boolean sameAs(Desc other) {
    return handle.equals(other.handle);
  }
}
