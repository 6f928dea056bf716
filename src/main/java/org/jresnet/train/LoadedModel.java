package org.jresnet.train;

import org.jresnet.data.Preprocess;
import org.jresnet.graph.Graph;
import org.jresnet.weights.ModelInfo;
import org.jresnet.weights.StateDict;

/**
 * A model file in host memory; see {@link ModelFiles#open}.
 *
 * @param source the file, for messages
 * @param info architecture, classes and input
 * @param weights parameters and running statistics
 * @param preprocess how images become input; as trained, unless you change it
 */
public record LoadedModel(String source, ModelInfo info, StateDict weights, Preprocess preprocess) {
  /** The same model with other input. */
  public LoadedModel withPreprocess(Preprocess other) {
    return new LoadedModel(source, info, weights, other);
  }

  /** The same model with another description, such as one with ranges for int8. */
  public LoadedModel withInfo(ModelInfo other) {
    return new LoadedModel(source, other, weights, preprocess);
  }

  /** The network that the file describes. */
  public Graph graph() {
    return ModelFiles.graph(info);
  }
}
