package org.jresnet.inspect;

import java.util.List;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.base.JsonField;
import org.jresnet.train.TrainOptions.OptimizerOptions;
import org.jresnet.weights.ModelInfo;

/**
 * What a recording says of its step beside the tensors, as JSON in the metadata of its file.
 *
 * @param network architecture, width, classes and input normalisation
 * @param pass a training step with its update, or inference
 * @param precision in which the step was computed
 * @param backend that computed it, {@code cpu} or another
 * @param machine the backend's description: library, instruction set, threads
 * @param jresnet version of jresnet
 * @param images names of the image files, without folders
 * @param nodes whose tensors are recorded, in the order of the network
 * @param half whether outputs, gradients and what the step made are rounded to half precision
 * @param loss mean cross-entropy of the images; 0 for inference
 * @param optimizer update rule with its constants and learning rate; unused in inference
 * @param step number of this step, from 1: the {@code t} of Adam's bias correction
 * @param frozen names of parameters that stay as they are
 * @param seed of random draws such as dropout's
 * @param draws number of the step's first draw
 */
public record StepFacts(
    ModelInfo network,
    Pass pass,
    Precision precision,
    String backend,
    String machine,
    String jresnet,
    List<String> images,
    List<String> nodes,
    boolean half,
    double loss,
    OptimizerOptions optimizer,
    @JsonField(min = 1) long step,
    List<String> frozen,
    long seed,
    @JsonField(min = 0) long draws) {
  /** Copies the collections. */
  public StepFacts {
    images = List.copyOf(images);
    nodes = List.copyOf(nodes);
    frozen = List.copyOf(frozen);
  }

  /** Whether there is a loss, a backward pass and an update. */
  public boolean training() {
    return pass == Pass.TRAINING;
  }
}
