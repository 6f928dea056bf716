package org.jresnet.nativebindings.onednn;

import java.util.Optional;
import org.bytedeco.dnnl.eltwise_backward;
import org.bytedeco.dnnl.eltwise_forward;
import org.bytedeco.dnnl.global.dnnl;

/** Plans functions of single elements. */
public record Elementwise(OneDnnScope scope) {
  /** {@code max(x, 0)}, backward from the output. */
  public Optional<PrimitiveDesc> reluForward(Propagation propagation, Desc x) {
    return scope.chosen(
        new eltwise_forward.primitive_desc(
            scope.engine(),
            propagation.code,
            propagation == Propagation.TRAINING
                ? dnnl.dnnl_eltwise_relu_use_dst_for_bwd
                : dnnl.dnnl_eltwise_relu,
            x.handle,
            x.handle,
            0f,
            0f,
            scope.attributes(),
            true));
  }

  /** Gradient of a ReLU's input from its output. */
  public Optional<PrimitiveDesc> reluBackward(Desc x, PrimitiveDesc forward) {
    return scope.chosen(
        new eltwise_backward.primitive_desc(
            scope.engine(),
            dnnl.dnnl_eltwise_relu_use_dst_for_bwd,
            x.handle,
            x.handle,
            x.handle,
            0f,
            0f,
            (eltwise_forward.primitive_desc) forward.handle,
            scope.attributes(),
            true));
  }
}
