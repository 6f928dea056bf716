package org.jresnet.nativebindings.onednn;

import java.util.Optional;
import org.bytedeco.dnnl.convolution_backward_data;
import org.bytedeco.dnnl.convolution_backward_weights;
import org.bytedeco.dnnl.convolution_forward;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.primitive_attr;

/**
 * A convolution whose primitives a scope plans and owns.
 *
 * @param scope owns what is planned
 * @param x input
 * @param y output
 * @param bias one value per output channel; its descriptor is also that of its gradient
 * @param geometry how the filters move
 */
public record Convolution(OneDnnScope scope, Desc x, Desc y, Optional<Desc> bias, Geometry geometry)
    implements Weighted {
  @Override
  public Optional<PrimitiveDesc> forward(Propagation propagation, Desc weights, PostOps postOps) {
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
            scope.handleOrNone(bias),
            y.handle,
            geometry.strides(),
            geometry.dilations(),
            geometry.paddings(),
            geometry.paddings(),
            attributes,
            true));
  }

  /**
   * Inference on bytes: {@code y = postOps(scale[k]·(x ∗ weights) + bias)}, rounded and saturated,
   * with {@link Arg#WEIGHT_SCALES} at execution.
   */
  public Optional<PrimitiveDesc> quantized(Filters filters, PostOps postOps) {
    primitive_attr attributes = scope.attributes(postOps);
    // One bit for each extent of the weights along which the factor changes.
    attributes.set_scales_mask(dnnl.DNNL_ARG_WEIGHTS, filters.groups() == 1 ? 1 : 3);
    Desc weights = scope.filtersAnyLayout(DataType.I8, filters);
    return forward(Propagation.INFERENCE, weights, attributes);
  }

  @Override
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

  @Override
  public Optional<PrimitiveDesc> backwardWeights(Desc dweights, PrimitiveDesc forward) {
    return scope.chosen(
        new convolution_backward_weights.primitive_desc(
            scope.engine(),
            dnnl.dnnl_convolution_direct,
            x.handle,
            dweights.handle,
            scope.handleOrNone(bias),
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
