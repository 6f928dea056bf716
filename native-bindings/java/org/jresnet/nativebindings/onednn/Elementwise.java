package org.jresnet.nativebindings.onednn;

import java.util.Optional;
import org.bytedeco.dnnl.eltwise_backward;
import org.bytedeco.dnnl.eltwise_forward;
import org.bytedeco.dnnl.global.dnnl;

/** Plans a function of single elements. */
public record Elementwise(OneDnnScope scope, Function function) {
  /** Functions; those whose derivative follows from the output compute backward from it. */
  public enum Kind {
    /** {@code x}, or {@code alpha·x} below 0. */
    RELU(dnnl.dnnl_eltwise_relu, dnnl.dnnl_eltwise_relu_use_dst_for_bwd),
    /** {@code min(max(x, alpha), beta)}. */
    CLIP(dnnl.dnnl_eltwise_clip_v2, dnnl.dnnl_eltwise_clip_v2_use_dst_for_bwd),
    /** {@code 1 / (1 + e⁻ˣ)}. */
    LOGISTIC(dnnl.dnnl_eltwise_logistic, dnnl.dnnl_eltwise_logistic_use_dst_for_bwd),
    /** {@code x / (1 + exp(−alpha·x))}. */
    SWISH(dnnl.dnnl_eltwise_swish, dnnl.dnnl_eltwise_swish),
    /** {@code x·min(max(alpha·x + beta, 0), 1)}. */
    HARD_SWISH(dnnl.dnnl_eltwise_hardswish, dnnl.dnnl_eltwise_hardswish),
    /** {@code min(max(alpha·x + beta, 0), 1)}. */
    HARD_SIGMOID(dnnl.dnnl_eltwise_hardsigmoid, dnnl.dnnl_eltwise_hardsigmoid),
    /** {@code alpha·x + beta}. */
    LINEAR(dnnl.dnnl_eltwise_linear, dnnl.dnnl_eltwise_linear);

    final int code;
    private final int trainingCode;

    Kind(int code, int trainingCode) {
      this.code = code;
      this.trainingCode = trainingCode;
    }
  }

  /**
   * A function with its constants (<a
   * href="https://uxlfoundation.github.io/oneDNN/dev_guide_eltwise.html">oneDNN's formulas</a>).
   */
  public record Function(Kind kind, float alpha, float beta) {
    /** Whether backward reads the output instead of the input. */
    public boolean backwardFromOutput() {
      return kind.code != kind.trainingCode;
    }
  }

  /** The function's value. */
  public Optional<PrimitiveDesc> forward(Propagation propagation, Desc x) {
    return scope.chosen(
        new eltwise_forward.primitive_desc(
            scope.engine(),
            propagation.code,
            propagation == Propagation.TRAINING ? function.kind.trainingCode : function.kind.code,
            x.handle,
            x.handle,
            function.alpha,
            function.beta,
            scope.attributes(),
            true));
  }

  /** Gradient of the input, after a forward pass for {@link Propagation#TRAINING}. */
  public Optional<PrimitiveDesc> backward(Desc x, PrimitiveDesc forward) {
    return scope.chosen(
        new eltwise_backward.primitive_desc(
            scope.engine(),
            function.kind.trainingCode,
            x.handle,
            x.handle,
            x.handle,
            function.alpha,
            function.beta,
            (eltwise_forward.primitive_desc) forward.handle,
            scope.attributes(),
            true));
  }
}
