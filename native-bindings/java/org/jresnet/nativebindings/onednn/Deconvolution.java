package org.jresnet.nativebindings.onednn;

import java.util.Optional;
import org.bytedeco.dnnl.deconvolution_backward_data;
import org.bytedeco.dnnl.deconvolution_backward_weights;
import org.bytedeco.dnnl.deconvolution_forward;
import org.bytedeco.dnnl.global.dnnl;

/**
 * A transposed convolution whose primitives a scope plans and owns.
 *
 * @param scope owns what is planned
 * @param x input
 * @param y output
 * @param bias one value per output channel; its descriptor is also that of its gradient
 * @param geometry how the filters move
 */
public record Deconvolution(
    OneDnnScope scope, Desc x, Desc y, Optional<Desc> bias, Geometry geometry) implements Weighted {
  @Override
  public Optional<PrimitiveDesc> forward(Propagation propagation, Desc weights, PostOps postOps) {
    return scope.chosen(
        new deconvolution_forward.primitive_desc(
            scope.engine(),
            propagation.code,
            dnnl.dnnl_deconvolution_direct,
            x.handle,
            weights.handle,
            scope.handleOrNone(bias),
            y.handle,
            geometry.strides(),
            geometry.dilations(),
            geometry.paddings(),
            geometry.paddings(),
            scope.attributes(postOps),
            true));
  }

  @Override
  public Optional<PrimitiveDesc> backwardData(Desc weights, PrimitiveDesc forward) {
    return scope.chosen(
        new deconvolution_backward_data.primitive_desc(
            scope.engine(),
            dnnl.dnnl_deconvolution_direct,
            x.handle,
            weights.handle,
            y.handle,
            geometry.strides(),
            geometry.dilations(),
            geometry.paddings(),
            geometry.paddings(),
            (deconvolution_forward.primitive_desc) forward.handle,
            scope.attributes(),
            true));
  }

  @Override
  public Optional<PrimitiveDesc> backwardWeights(Desc dweights, PrimitiveDesc forward) {
    return scope.chosen(
        new deconvolution_backward_weights.primitive_desc(
            scope.engine(),
            dnnl.dnnl_deconvolution_direct,
            x.handle,
            dweights.handle,
            scope.handleOrNone(bias),
            y.handle,
            geometry.strides(),
            geometry.dilations(),
            geometry.paddings(),
            geometry.paddings(),
            (deconvolution_forward.primitive_desc) forward.handle,
            scope.attributes(),
            true));
  }
}
