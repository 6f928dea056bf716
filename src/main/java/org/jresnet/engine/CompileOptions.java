package org.jresnet.engine;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.Pass;
import org.jresnet.base.UserError;
import org.jresnet.graph.Graph;
import org.jresnet.loss.Objective;

/**
 * What an executable is compiled for. Start from {@link #inference} or {@link #training} and change
 * what is different.
 *
 * @param pass inference, or a training step with its backward pass
 * @param images what comes in
 * @param objective what a training step minimises
 * @param frozen names of parameters that stay as they are; a batch norm whose weight and bias are
 *     both frozen uses its running statistics and leaves them alone
 * @param watch what is to be seen of the inside
 * @param ranges largest magnitude to represent per node, for int8; {@link Calibration} measures
 *     them
 * @param checkpointBlocks activations inside every so many residual blocks are forgotten in forward
 *     and computed again in backward; 0 keeps all
 * @param exchange adds up gradients over ranks while backward computes
 */
public record CompileOptions(
    Pass pass,
    Images images,
    Objective objective,
    Set<String> frozen,
    Watch watch,
    Map<String, Float> ranges,
    int checkpointBlocks,
    Optional<GradientExchange> exchange) {
  /**
   * What comes in.
   *
   * @param batch images per call
   * @param height image height in pixels
   * @param width image width in pixels
   * @param normalization of the input
   */
  public record Images(int batch, int height, int width, Normalization normalization) {}

  /**
   * What is to be seen of the inside. A watched node is never computed together with its successor.
   *
   * @param outputs names of nodes whose outputs can be read after a run
   * @param gradients names of nodes whose outputs' gradients can be read after a step; {@code
   *     input} is the image
   * @param callbacks code that runs within a step
   */
  public record Watch(Set<String> outputs, Set<String> gradients, List<Callback> callbacks) {
    /** Nothing. */
    public static final Watch NOTHING = new Watch(Set.of(), Set.of(), List.of());

    /** Copies the collections. */
    public Watch {
      outputs = Set.copyOf(outputs);
      gradients = Set.copyOf(gradients);
      callbacks = List.copyOf(callbacks);
    }

    /** Refuses what the network does not have, or inference does not compute. */
    void requireIn(Graph graph, Pass pass) {
      outputs.forEach(graph::node);
      gradients.forEach(graph::node);
      callbacks.forEach(c -> graph.node(c.node()));
      if (pass == Pass.INFERENCE && graph.nodes().stream().anyMatch(n -> gradient(n.name()))) {
        throw new IllegalArgumentException(
            "inference has no gradients to watch; use Pass.TRAINING");
      }
    }

    boolean output(String node) {
      return outputs.contains(node) || calls(node, Callback.What.OUTPUT);
    }

    boolean gradient(String node) {
      return gradients.contains(node) || calls(node, Callback.What.GRADIENT);
    }

    private boolean calls(String node, Callback.What what) {
      return callbacks.stream().anyMatch(c -> c.node().equals(node) && c.what() == what);
    }
  }

  /** Copies the collections. */
  public CompileOptions {
    frozen = Set.copyOf(frozen);
    ranges = Map.copyOf(ranges);
    if (checkpointBlocks < 0) {
      throw new IllegalArgumentException(
          "blocks between checkpoints are at least 0, found " + checkpointBlocks);
    }
  }

  /** Plain cross-entropy, nothing frozen, nothing watched. */
  public static CompileOptions of(Pass pass, Images images) {
    return new CompileOptions(
        pass,
        images,
        Objective.CROSS_ENTROPY,
        Set.of(),
        Watch.NOTHING,
        Map.of(),
        0,
        Optional.empty());
  }

  /** Inference on batches of square images. */
  public static CompileOptions inference(int batch, int size, Normalization normalization) {
    return of(Pass.INFERENCE, new Images(batch, size, size, normalization));
  }

  /** Training on batches of square images, plain cross-entropy, nothing frozen. */
  public static CompileOptions training(int batch, int size, Normalization normalization) {
    return of(Pass.TRAINING, new Images(batch, size, size, normalization));
  }

  /** Refuses batches of no images, and images of no pixels. */
  void requireExtents() {
    if (batch() < 1 || height() < 1 || width() < 1) {
      throw new UserError(
          String.format(
              "batch and image size must be at least 1, found batch %d of %dx%d",
              batch(), height(), width()));
    }
  }

  /** Images per call. */
  public int batch() {
    return images.batch;
  }

  /** Image height in pixels. */
  public int height() {
    return images.height;
  }

  /** Image width in pixels. */
  public int width() {
    return images.width;
  }

  /** Normalisation of the input. */
  public Normalization normalization() {
    return images.normalization;
  }

  /** The same for another number of images per call. */
  public CompileOptions withBatch(int count) {
    Images other = new Images(count, images.height, images.width, images.normalization);
    return new CompileOptions(
        pass, other, objective, frozen, watch, ranges, checkpointBlocks, exchange);
  }

  /** The same with another objective. */
  public CompileOptions withObjective(Objective other) {
    return new CompileOptions(
        pass, images, other, frozen, watch, ranges, checkpointBlocks, exchange);
  }

  /** The same with frozen parameters. */
  public CompileOptions withFrozen(Set<String> names) {
    return new CompileOptions(
        pass, images, objective, names, watch, ranges, checkpointBlocks, exchange);
  }

  /** The same with taps on the outputs of nodes. */
  public CompileOptions withTaps(Set<String> nodes) {
    return withWatch(new Watch(nodes, watch.gradients, watch.callbacks));
  }

  /** The same, seeing other things of the inside. */
  public CompileOptions withWatch(Watch seen) {
    return new CompileOptions(
        pass, images, objective, frozen, seen, ranges, checkpointBlocks, exchange);
  }

  /** The same with the ranges that int8 needs. */
  public CompileOptions withRanges(Map<String, Float> measured) {
    return new CompileOptions(
        pass, images, objective, frozen, watch, measured, checkpointBlocks, exchange);
  }

  /** The same, recomputing what lies inside every {@code blocks} residual blocks; 0 keeps all. */
  public CompileOptions withCheckpointBlocks(int blocks) {
    return new CompileOptions(pass, images, objective, frozen, watch, ranges, blocks, exchange);
  }

  /** The same, adding up gradients over ranks within a step. */
  public CompileOptions withExchange(GradientExchange over) {
    Optional<GradientExchange> one = Optional.of(over);
    return new CompileOptions(
        pass, images, objective, frozen, watch, ranges, checkpointBlocks, one);
  }
}
