package org.jresnet.nativebindings.onednn;

import org.bytedeco.dnnl.memory;

/** Description of a tensor's extents, element type and layout; lives as long as its scope. */
public final class Desc {
  final memory.desc handle;

  private final long bytes;

  Desc(memory.desc handle) {
    this(handle, handle.get_size());
  }

  /** A description whose last element ends before that of oneDNN's count. */
  Desc(memory.desc handle, long bytes) {
    this.handle = handle;
    this.bytes = bytes;
  }

  /** Bytes of a tensor so described; 0 for an empty description. */
  public long bytes() {
    return bytes;
  }

  /** Whether extents, type and layout agree. */
  public boolean sameAs(Desc other) {
    return handle.equals(other.handle);
  }
}
