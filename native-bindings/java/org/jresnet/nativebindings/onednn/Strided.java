package org.jresnet.nativebindings.onednn;

import java.util.Optional;
import org.bytedeco.dnnl.binary;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.reorder;

/** Tensors whose elements lie apart in memory, and what copies and multiplies them. */
public record Strided(OneDnnScope scope) {
  /** A tensor whose neighbours along axis {@code i} lie {@code strides[i]} elements apart. */
  public Desc desc(DataType type, long[] extents, long[] strides) {
    memory.desc handle = scope.own(new memory.desc(extents, type.code, strides));
    long counted = 0;
    long last = 0;
    for (int i = 0; i < extents.length; i++) {
      counted = Math.max(counted, extents[i] * strides[i]);
      last += (extents[i] - 1) * strides[i];
    }
    // oneDNN counts whole strides, also behind the last element, where another tensor may lie.
    return new Desc(handle, handle.get_size() / counted * (last + 1));
  }

  /** Copy between tensors of one shape, or with a sum an addition to the target. */
  public Optional<PrimitiveDesc> copy(Desc from, Desc to, PostOps postOps) {
    return scope.chosen(
        new reorder.primitive_desc(
            scope.engine(),
            from.handle,
            scope.engine(),
            to.handle,
            scope.attributes(postOps),
            true));
  }

  /** Product of two tensors; an extent of 1 of the second stands for the first one's. */
  public Optional<PrimitiveDesc> multiply(Desc a, Desc b, Desc y, PostOps postOps) {
    return binary(dnnl.dnnl_binary_mul, a, b, y, postOps);
  }

  /** Sum of two tensors; an extent of 1 of the second stands for the first one's. */
  public Optional<PrimitiveDesc> add(Desc a, Desc b, Desc y) {
    return binary(dnnl.dnnl_binary_add, a, b, y, scope.postOps());
  }

  private Optional<PrimitiveDesc> binary(int code, Desc a, Desc b, Desc y, PostOps postOps) {
    return scope.chosen(
        new binary.primitive_desc(
            scope.engine(), code, a.handle, b.handle, y.handle, scope.attributes(postOps), true));
  }
}
