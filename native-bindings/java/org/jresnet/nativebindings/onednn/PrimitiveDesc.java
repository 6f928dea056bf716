package org.jresnet.nativebindings.onednn;

import org.bytedeco.dnnl.binary;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.primitive_desc;
import org.bytedeco.dnnl.primitive_desc_base;
import org.bytedeco.dnnl.reorder;

/** An implementation chosen by oneDNN for one operation; lives as long as its scope. */
public final class PrimitiveDesc {
  final primitive_desc_base handle;
  private final OneDnnScope scope;

  PrimitiveDesc(primitive_desc_base handle, OneDnnScope scope) {
    this.handle = handle;
    this.scope = scope;
  }

  /** oneDNN's name of the implementation, such as {@code brgconv:avx512_core_bf16}. */
  public String implementation() {
    try (var name = handle.impl_info_str()) {
      return name.getString();
    }
  }

  /** Turns to the next implementation whose name contains that text; false if there is none. */
  boolean find(String name) {
    while (!implementation().contains(name)) {
      if (!((primitive_desc) handle).next_impl()) {
        return false;
      }
    }
    return true;
  }

  /** Whether this copies between layouts or types. */
  public boolean isReorder() {
    return handle instanceof reorder.primitive_desc;
  }

  /** Whether this multiplies two tensors. */
  public boolean multiplies() {
    return handle instanceof binary.primitive_desc product
        && product.get_algorithm() == dnnl.algorithm.binary_mul;
  }

  /** Layout of the weights. */
  public Desc weights() {
    return query(dnnl.dnnl_query_weights_md);
  }

  /** Layout of the weights' gradient. */
  public Desc diffWeights() {
    return query(dnnl.dnnl_query_diff_weights_md);
  }

  /** What forward leaves for backward. */
  public Desc workspace() {
    return query(dnnl.dnnl_query_workspace_md);
  }

  /** Scratch needed while executing. */
  public Desc scratchpad() {
    return query(dnnl.dnnl_query_scratchpad_md);
  }

  private Desc query(int what) {
    return scope.desc(handle.query_md(what, 0));
  }
}
