package org.jresnet.nativebindings.onednn;

import java.util.List;
import java.util.Optional;
import org.bytedeco.dnnl.convolution_backward_data;
import org.bytedeco.dnnl.convolution_backward_weights;
import org.bytedeco.dnnl.convolution_forward;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.post_ops;
import org.bytedeco.dnnl.primitive_attr;

/** Plans convolutions. */
public record Convolution(OneDnnScope scope, Geometry geometry) {
  /**
   * What is added to a convolution on bytes.
   *
   * @param type how the destination is to be read before it is overwritten
   * @param scale factor of its integers
   */
  public record Residual(DataType type, float scale) {}

  /** Convolution without bias. */
  public Optional<PrimitiveDesc> forward(Propagation propagation, Desc x, Desc weights, Desc y) {
    return scope.chosen(
        new convolution_forward.primitive_desc(
            scope.engine(),
            propagation.code,
            dnnl.dnnl_convolution_direct,
            x.handle,
            weights.handle,
            y.handle,
            geometry.strides(),
            geometry.paddings(),
            geometry.paddings(),
            scope.attributes(),
            true));
  }

  /** Inference convolution with bias and post-ops; {@code tensors} are x, weights, bias, y. */
  public Optional<PrimitiveDesc> inference(List<Desc> tensors, PostOp... postOps) {
    Desc y = tensors.get(3);
    return scope.chosen(
        new convolution_forward.primitive_desc(
            scope.engine(),
            Propagation.INFERENCE.code,
            dnnl.dnnl_convolution_direct,
            tensors.get(0).handle,
            tensors.get(1).handle,
            tensors.get(2).handle,
            y.handle,
            geometry.strides(),
            geometry.paddings(),
            geometry.paddings(),
            scope.attributes(postOps),
            true));
  }

  /**
   * Inference convolution on bytes: {@code y = act(scale[k]·(x ∗ weights) + bias +
   * residualScale·y)}, rounded and saturated, with {@link Arg#WEIGHT_SCALES} at execution.
   *
   * @param tensors x, weights, bias, y
   * @param residual type and factor of what y held before, if that is added
   */
  public Optional<PrimitiveDesc> quantized(
      List<Desc> tensors, Optional<Residual> residual, boolean rectifies) {
    primitive_attr attributes = scope.attributes();
    attributes.set_scales_mask(dnnl.DNNL_ARG_WEIGHTS, 1);
    post_ops ops = scope.own(new post_ops());
    residual.ifPresent(r -> ops.append_sum(r.scale, 0, r.type.code));
    if (rectifies) {
      ops.append_eltwise(dnnl.dnnl_eltwise_relu, 0f, 0f);
    }
    attributes.set_post_ops(ops);
    return scope.chosen(
        new convolution_forward.primitive_desc(
            scope.engine(),
            Propagation.INFERENCE.code,
            dnnl.dnnl_convolution_direct,
            tensors.get(0).handle,
            tensors.get(1).handle,
            tensors.get(2).handle,
            tensors.get(3).handle,
            geometry.strides(),
            geometry.paddings(),
            geometry.paddings(),
            attributes,
            true));
  }

  /** Gradient of a convolution's input. */
  public Optional<PrimitiveDesc> backwardData(
      Desc dx, Desc weights, Desc dy, PrimitiveDesc forward) {
    return scope.chosen(
        new convolution_backward_data.primitive_desc(
            scope.engine(),
            dnnl.dnnl_convolution_direct,
            dx.handle,
            weights.handle,
            dy.handle,
            geometry.strides(),
            geometry.paddings(),
            geometry.paddings(),
            (convolution_forward.primitive_desc) forward.handle,
            scope.attributes(),
            true));
  }

  /** Gradient of a convolution's weights. */
  public Optional<PrimitiveDesc> backwardWeights(
      Desc x, Desc dweights, Desc dy, PrimitiveDesc forward) {
    return scope.chosen(
        new convolution_backward_weights.primitive_desc(
            scope.engine(),
            dnnl.dnnl_convolution_direct,
            x.handle,
            dweights.handle,
            dy.handle,
            geometry.strides(),
            geometry.paddings(),
            geometry.paddings(),
            (convolution_forward.primitive_desc) forward.handle,
            scope.attributes(),
            true));
  }
}
