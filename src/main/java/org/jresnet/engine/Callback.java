package org.jresnet.engine;

import java.util.function.Consumer;
import org.jresnet.backend.Tensor;

/**
 * Code of yours at one place of a step. It gets the tensor as it lies on the device and may read or
 * change it. On a GPU it costs the recording of the step as one piece; each recomputation of the
 * node (see {@link CompileOptions#checkpointBlocks}) calls it again.
 *
 * @param node name of the node whose tensor it gets
 * @param what the node's output, right after it was computed, or the gradient of it, once complete
 * @param body what to do
 */
public record Callback(String node, What what, Consumer<Tensor> body) {
  /** Which tensor. */
  public enum What {
    /** The node's output. */
    OUTPUT,
    /** The gradient of the loss by the node's output. */
    GRADIENT
  }
}
