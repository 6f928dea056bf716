package org.jresnet.nativebindings.onednn;

import org.bytedeco.dnnl.post_ops;

/** What is done to a result before it is stored, in the order of the calls. */
public final class PostOps {
  final post_ops handle;

  PostOps(post_ops handle) {
    this.handle = handle;
  }

  /** Adds what the destination held before. */
  public PostOps sum() {
    handle.append_sum();
    return this;
  }

  /** Adds {@code scale} times what the destination held before, read as that type. */
  public PostOps sum(DataType type, float scale) {
    handle.append_sum(scale, 0, type.code);
    return this;
  }

  /** Applies a function. */
  public PostOps eltwise(Elementwise.Function f) {
    handle.append_eltwise(f.kind().code, f.alpha(), f.beta());
    return this;
  }
}
