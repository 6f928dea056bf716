package org.jresnet.train;

import org.jresnet.graph.Graph;
import org.jresnet.models.Architecture;
import org.jresnet.weights.ModelInfo;
import org.jresnet.weights.StateDict;

/**
 * A model file in host memory.
 *
 * @param info architecture, classes and input
 * @param weights parameters and running statistics
 */
public record LoadedModel(ModelInfo info, StateDict weights) {
  /** The network that the file describes. */
  public Graph graph() {
    return Architecture.of(info.architecture()).graph(info.classes().size(), info.width());
  }
}
