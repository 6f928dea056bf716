package org.jresnet.train;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jresnet.backend.Tensor;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Preprocess;
import org.jresnet.data.RgbImage;
import org.jresnet.engine.Callback;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.CompileOptions.Watch;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Shape;
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

  /** What backward starts from; null for the gradient of the loss. */
  private float[] seed;

  private boolean differentiated;

  Taps(Model model, ModelInfo info, Preprocess preprocess, Set<String> nodes) {
    this.preprocess = preprocess;
    classes = info.classes();
    Graph graph = model.graph();
    Set<String> parameters =
        graph.parameters().stream()
            .filter(p -> p.role().trainable())
            .map(Parameter::name)
            .collect(Collectors.toSet());
    Callback start = new Callback(graph.output().name(), Callback.What.GRADIENT, this::seed);
    int size = preprocess.size();
    executable =
        Executable.compile(
            model,
            CompileOptions.training(1, size, ModelFiles.normalization(info))
                .withFrozen(parameters)
                .withWatch(new Watch(nodes, nodes, List.of(start))));
  }

  private void seed(Tensor logitGradient) {
    if (seed != null) {
      logitGradient.set(seed);
    }
  }

  /** Computes the logits of an image; {@link #output} then shows the nodes on the way. */
  public float[] forward(RgbImage image) {
    differentiated = false;
    return executable.infer(preprocess.apply(image).rgb());
  }

  /**
   * Computes an image and the gradient of one class's logit.
   *
   * @throws UserError when the model does not know the class
   */
  public void logit(RgbImage image, String label) {
    float[] one = new float[classes.size()];
    one[index(label)] = 1;
    backward(image, one);
  }

  /**
   * Computes an image and the gradient of its cross-entropy loss.
   *
   * @param label the true class
   * @return the loss
   * @throws UserError when the model does not know the class
   */
  public double loss(RgbImage image, String label) {
    return run(image, null, index(label));
  }

  /**
   * Computes an image and the gradient of {@code Σ weights[k]·logit[k]}.
   *
   * @param weights one per class
   */
  public void backward(RgbImage image, float[] weights) {
    if (weights.length != classes.size()) {
      throw new IllegalArgumentException(
          Text.format("expected %d weights, found %d", classes.size(), weights.length));
    }
    run(image, weights, 0);
  }

  private double run(RgbImage image, float[] from, int label) {
    seed = from;
    differentiated = true;
    return executable.step(preprocess.apply(image).rgb(), new int[] {label});
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

  /** The gradient by the output of a tapped node, after {@link #logit} and its like. */
  public FeatureMap gradient(String node) {
    if (!differentiated) {
      throw new IllegalStateException("forward makes no gradients; call logit, loss or backward");
    }
    return new FeatureMap(node, shape(node), executable.tapGradient(node));
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
