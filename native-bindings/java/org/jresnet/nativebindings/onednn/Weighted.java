package org.jresnet.nativebindings.onednn;

import java.util.Optional;

/** An op with filters, whose primitives a scope plans; each is empty where oneDNN has none. */
public interface Weighted {
  /** The output, changed by the post-ops before it is stored. */
  Optional<PrimitiveDesc> forward(Propagation propagation, Desc weights, PostOps postOps);

  /** The gradient of the input. */
  Optional<PrimitiveDesc> backwardData(Desc weights, PrimitiveDesc forward);

  /** The gradients of the weights and of the bias. */
  Optional<PrimitiveDesc> backwardWeights(Desc dweights, PrimitiveDesc forward);
}
