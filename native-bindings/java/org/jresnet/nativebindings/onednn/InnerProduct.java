package org.jresnet.nativebindings.onednn;

import java.util.List;
import java.util.Optional;
import org.bytedeco.dnnl.inner_product_backward_data;
import org.bytedeco.dnnl.inner_product_backward_weights;
import org.bytedeco.dnnl.inner_product_forward;

/** Plans linear layers. */
public record InnerProduct(OneDnnScope scope) {
  /** {@code y = x·weightsᵀ + bias}; {@code tensors} are x, weights, bias, y. */
  public Optional<PrimitiveDesc> forward(Propagation propagation, List<Desc> tensors) {
    return scope.chosen(
        new inner_product_forward.primitive_desc(
            scope.engine(),
            propagation.code,
            tensors.get(0).handle,
            tensors.get(1).handle,
            tensors.get(2).handle,
            tensors.get(3).handle,
            scope.attributes(),
            true));
  }

  /** Gradient of a linear layer's input. */
  public Optional<PrimitiveDesc> backwardData(
      Desc dx, Desc weights, Desc dy, PrimitiveDesc forward) {
    return scope.chosen(
        new inner_product_backward_data.primitive_desc(
            scope.engine(),
            dx.handle,
            weights.handle,
            dy.handle,
            (inner_product_forward.primitive_desc) forward.handle,
            scope.attributes(),
            true));
  }

  /** Gradients of a linear layer's weights and bias; {@code tensors} are x, dweights, dbias, dy. */
  public Optional<PrimitiveDesc> backwardWeights(List<Desc> tensors, PrimitiveDesc forward) {
    return scope.chosen(
        new inner_product_backward_weights.primitive_desc(
            scope.engine(),
            tensors.get(0).handle,
            tensors.get(1).handle,
            tensors.get(2).handle,
            tensors.get(3).handle,
            (inner_product_forward.primitive_desc) forward.handle,
            scope.attributes(),
            true));
  }

  /**
   * Gradient of the weights of a linear layer without bias, by the first implementation whose name
   * contains the given text.
   *
   * @param weights as forward would take them: of the type of {@code x}
   */
  public Optional<PrimitiveDesc> backwardWeights(
      Desc x, Desc weights, Desc dweights, Desc dy, String implementation) {
    var forward =
        new inner_product_forward.primitive_desc(
            scope.engine(),
            Propagation.TRAINING.code,
            x.handle,
            weights.handle,
            dy.handle,
            scope.attributes(),
            true);
    return scope
        .chosen(forward)
        .flatMap(
            hint ->
                scope.chosen(
                    new inner_product_backward_weights.primitive_desc(
                        scope.engine(),
                        x.handle,
                        dweights.handle,
                        dy.handle,
                        forward,
                        scope.attributes(),
                        true)))
        .filter(desc -> desc.find(implementation));
  }
}
