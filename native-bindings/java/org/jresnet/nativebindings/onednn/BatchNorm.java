package org.jresnet.nativebindings.onednn;

import java.util.Optional;
import java.util.Set;
import org.bytedeco.dnnl.batch_normalization_backward;
import org.bytedeco.dnnl.batch_normalization_forward;
import org.bytedeco.dnnl.global.dnnl;

/** Plans batch norms with scale and shift. */
public record BatchNorm(OneDnnScope scope, double eps, Set<Flag> flags) {
  /** Variations. */
  public enum Flag {
    /** Mean and variance are given instead of computed. */
    GLOBAL_STATS(dnnl.dnnl_use_global_stats),
    /** A ReLU follows. */
    RELU(dnnl.dnnl_fuse_norm_relu);

    private final int code;

    Flag(int code) {
      this.code = code;
    }
  }

  /** Copies the flags. */
  public BatchNorm {
    flags = Set.copyOf(flags);
  }

  private int code() {
    int code = dnnl.dnnl_use_scale | dnnl.dnnl_use_shift;
    for (Flag flag : flags) {
      code |= flag.code;
    }
    return code;
  }

  /** {@code y = (x − mean)/√(variance + eps)·scale + shift}. */
  public Optional<PrimitiveDesc> forward(Propagation propagation, Desc x) {
    return scope.chosen(
        new batch_normalization_forward.primitive_desc(
            scope.engine(),
            propagation.code,
            x.handle,
            x.handle,
            (float) eps,
            code(),
            scope.attributes(),
            true));
  }

  /** Gradients of a batch norm's input, scale and shift. */
  public Optional<PrimitiveDesc> backward(Desc x, PrimitiveDesc forward) {
    return scope.chosen(
        new batch_normalization_backward.primitive_desc(
            scope.engine(),
            dnnl.dnnl_backward,
            x.handle,
            x.handle,
            x.handle,
            (float) eps,
            code(),
            (batch_normalization_forward.primitive_desc) forward.handle,
            scope.attributes(),
            true));
  }
}
