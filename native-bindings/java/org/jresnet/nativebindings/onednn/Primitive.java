package org.jresnet.nativebindings.onednn;

import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.primitive;
import org.bytedeco.dnnl.stream;

/** An implementation tied to its arguments: one native call, no allocation on the Java side. */
public final class Primitive {
  private final primitive handle;
  private final stream queue;
  private final IntMemoryMap arguments;

  Primitive(primitive handle, stream queue, IntMemoryMap arguments) {
    this.handle = handle;
    this.queue = queue;
    this.arguments = arguments;
  }

  /** Runs to completion: streams of the CPU engine are synchronous. */
  public void execute() {
    handle.execute(queue, arguments);
  }
}
