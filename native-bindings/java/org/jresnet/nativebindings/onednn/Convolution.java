package org.jresnet.nativebindings.onednn;

import java.util.Optional;
import org.bytedeco.dnnl.convolution_backward_data;
import org.bytedeco.dnnl.convolution_backward_weights;
import org.bytedeco.dnnl.convolution_forward;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.post_ops;
import org.bytedeco.dnnl.primitive_attr;

/**
 * A convolution whose primitives a scope plans and owns; each is empty where oneDNN has none.
 *
 * @param scope owns what is planned
 * @param x input
 * @param y output
 * @param bias one value per output channel; its descriptor is also that of its gradient
 * @param geometry how the filters move
 */
public record Convolution(
    OneDnnScope scope, Desc x, Desc y, Optional<Desc> bias, Geometry geometry) {
  /**
   * What is added to a convolution on bytes.
   *
   * @param type how the destination is to be read before it is overwritten
   * @param scale factor of its integers
   */
  public record Residual(DataType type, float scale) {}

  /** The output, changed by the post-ops before it is stored. */
  public Optional<PrimitiveDesc> forward(Propagation propagation, Desc weights, PostOp... postOps) {
    return forward(propagation, weights, scope.attributes(postOps));
  }

  private Optional<PrimitiveDesc> forward(
      Propagation propagation, Desc weights, primitive_attr attributes) {
    return scope.chosen(
        new convolution_forward.primitive_desc(
            scope.engine(),
            propagation.code,
            dnnl.dnnl_convolution_direct,
            x.handle,
            weights.handle,
            biasOrNone(),
            y.handle,
            geometry.strides(),
            geometry.dilations(),
            geometry.paddings(),
            geometry.paddings(),
            attributes,
            true));
  }

  private memory.desc biasOrNone() {
    return bias.map(b -> b.handle).orElseGet(() -> scope.own(new memory.desc()));
  }

  /**
   * Inference on bytes: {@code y = act(scale[k]·(x ∗ weights) + bias + residualScale·y)}, rounded
   * and saturated, with {@link Arg#WEIGHT_SCALES} at execution.
   *
   * @param filters extents of the weights
   * @param residual type and factor of what y held before, if that is added
   */
  public Optional<PrimitiveDesc> quantized(
      Filters filters, Optional<Residual> residual, boolean rectifies) {
    primitive_attr attributes = scope.attributes();
    // One bit for each extent of the weights along which the factor changes.
    attributes.set_scales_mask(dnnl.DNNL_ARG_WEIGHTS, filters.groups() == 1 ? 1 : 3);
    post_ops ops = scope.own(new post_ops());
    residual.ifPresent(r -> ops.append_sum(r.scale, 0, r.type.code));
    if (rectifies) {
      ops.append_eltwise(dnnl.dnnl_eltwise_relu, 0f, 0f);
    }
    attributes.set_post_ops(ops);
    Desc weights = scope.filtersAnyLayout(DataType.I8, filters);
    return forward(Propagation.INFERENCE, weights, attributes);
  }

  /** The gradient of x. */
  public Optional<PrimitiveDesc> backwardData(Desc weights, PrimitiveDesc forward) {
    return scope.chosen(
        new convolution_backward_data.primitive_desc(
            scope.engine(),
            dnnl.dnnl_convolution_direct,
            x.handle,
            weights.handle,
            y.handle,
            geometry.strides(),
            geometry.dilations(),
            geometry.paddings(),
            geometry.paddings(),
            (convolution_forward.primitive_desc) forward.handle,
            scope.attributes(),
            true));
  }

  /** The gradients of the weights and of the bias. */
  public Optional<PrimitiveDesc> backwardWeights(Desc dweights, PrimitiveDesc forward) {
    return scope.chosen(
        new convolution_backward_weights.primitive_desc(
            scope.engine(),
            dnnl.dnnl_convolution_direct,
            x.handle,
            dweights.handle,
            biasOrNone(),
            y.handle,
            geometry.strides(),
            geometry.dilations(),
            geometry.paddings(),
            geometry.paddings(),
            (convolution_forward.primitive_desc) forward.handle,
            scope.attributes(),
            true));
  }
}
