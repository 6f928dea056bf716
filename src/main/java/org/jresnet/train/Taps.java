package org.jresnet.train;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Preprocess;
import org.jresnet.data.RgbImage;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.CompileOptions.Watch;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Shape;
import org.jresnet.loss.Objective;
import org.jresnet.weights.ModelInfo;

/**
 * Looks into a classifier while it computes one image: outputs of nodes, and gradients by them of a
 * logit, of the loss, or of any weighted sum of logits. Batch norms use their running statistics,
 * as in prediction, and no parameter changes. Used from one thread.
 */
public final class Taps implements AutoCloseable {
  private final Executable executable;
  private final Preprocess preprocess;
  private final List<String> classes;
  private boolean differentiated;

  Taps(Model model, ModelInfo info, Preprocess preprocess, Set<String> nodes) {
    this.preprocess = preprocess;
    classes = info.classes();
    Set<String> parameters =
        model.graph().parameters().stream()
            .filter(p -> p.role().trainable())
            .map(Parameter::name)
            .collect(Collectors.toSet());
    executable =
        Executable.compile(
            model,
            CompileOptions.training(1, preprocess.size(), ModelFiles.normalization(info))
                .withObjective(new Objective.Seed())
                .withFrozen(parameters)
                .withWatch(new Watch(nodes, nodes, List.of())));
  }

  /** Computes the logits of an image; {@link #output} then shows the nodes on the way. */
  public float[] forward(RgbImage image) {
    return forwardInput(preprocess.apply(image));
  }

  /**
   * Computes the logits of what {@link Preprocess#apply} made of an image.
   *
   * @param input at the size of the network's input
   */
  public float[] forwardInput(RgbImage input) {
    differentiated = false;
    return executable.infer(input.rgb());
  }

  /**
   * Computes the gradients of {@code Σ weights[k]·logit[k]} for the image of {@link #forward}.
   *
   * @param weights one per class
   */
  public void backward(float[] weights) {
    executable.backward(weights);
    differentiated = true;
  }

  /**
   * Computes an image and the gradients of one class's logit.
   *
   * @throws UserError when the model does not know the class
   */
  public void logit(RgbImage image, String label) {
    float[] weights = new float[classes.size()];
    weights[index(label)] = 1;
    forward(image);
    backward(weights);
  }

  /**
   * Computes an image and the gradients of its cross-entropy loss.
   *
   * @param label the true class
   * @return the loss
   * @throws UserError when the model does not know the class
   */
  public double loss(RgbImage image, String label) {
    int index = index(label);
    double[] p = Evaluator.softmax(forward(image), 0, classes.size());
    float[] weights = new float[p.length];
    for (int k = 0; k < p.length; k++) {
      weights[k] = (float) (p[k] - (k == index ? 1 : 0));
    }
    backward(weights);
    return -Math.log(p[index]);
  }

  private int index(String label) {
    int index = classes.indexOf(label);
    if (index < 0) {
      throw new UserError(
          Text.format("no class of the model is named '%s'; it knows %s", label, classes));
    }
    return index;
  }

  /** The output of a tapped node for the last image. */
  public FeatureMap output(String node) {
    return new FeatureMap(node, shape(node), executable.tap(node));
  }

  /** The gradient by the output of a tapped node, after {@link #backward} and its like. */
  public FeatureMap gradient(String node) {
    if (!differentiated) {
      throw new IllegalStateException("forward makes no gradients; call backward, logit or loss");
    }
    return new FeatureMap(node, shape(node), executable.tapGradient(node));
  }

  /**
   * What each place of the last image contributes at a tapped node, after {@link #logit}: Grad-CAM.
   */
  public HeatMap gradCam(String node) {
    return HeatMap.gradCam(output(node), gradient(node));
  }

  private Shape shape(String node) {
    Graph graph = executable.model().graph();
    return graph.shapes(1, preprocess.size(), preprocess.size()).get(graph.node(node).index());
  }

  @Override
  public void close() {
    executable.close();
  }
}
