package org.jresnet.engine;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.Pass;

/**
 * What an executable is compiled for.
 *
 * @param pass inference, or a training step with its backward pass
 * @param batch images per call
 * @param height image height in pixels
 * @param width image width in pixels
 * @param normalization of the input
 * @param labelSmoothing see {@link org.jresnet.backend.LossSpec}
 * @param classWeights see {@link org.jresnet.backend.LossSpec}
 * @param frozen names of parameters that stay as they are; a batch norm whose weight and bias are
 *     both frozen uses its running statistics and leaves them alone
 * @param taps names of nodes whose outputs can be read after a run; a tapped node is never fused
 *     with its successor
 * @param ranges largest magnitude to represent per node, for int8; {@link Calibration} measures
 *     them
 */
public record CompileOptions(
    Pass pass,
    int batch,
    int height,
    int width,
    Normalization normalization,
    double labelSmoothing,
    List<Double> classWeights,
    Set<String> frozen,
    Set<String> taps,
    Map<String, Float> ranges) {
  /** Copies the collections. */
  public CompileOptions {
    classWeights = List.copyOf(classWeights);
    frozen = Set.copyOf(frozen);
    taps = Set.copyOf(taps);
    ranges = Map.copyOf(ranges);
  }

  /** Inference on batches of square images. */
  public static CompileOptions inference(int batch, int size, Normalization normalization) {
    return new CompileOptions(
        Pass.INFERENCE,
        batch,
        size,
        size,
        normalization,
        0,
        List.of(),
        Set.of(),
        Set.of(),
        Map.of());
  }

  /** Training on batches of square images, plain cross-entropy, nothing frozen. */
  public static CompileOptions training(int batch, int size, Normalization normalization) {
    return new CompileOptions(
        Pass.TRAINING,
        batch,
        size,
        size,
        normalization,
        0,
        List.of(),
        Set.of(),
        Set.of(),
        Map.of());
  }

  /** The same for another number of images per call. */
  public CompileOptions withBatch(int images) {
    return new CompileOptions(
        pass,
        images,
        height,
        width,
        normalization,
        labelSmoothing,
        classWeights,
        frozen,
        taps,
        ranges);
  }

  /** The same with another loss. */
  public CompileOptions withLoss(double smoothing, List<Double> weights) {
    return new CompileOptions(
        pass, batch, height, width, normalization, smoothing, weights, frozen, taps, ranges);
  }

  /** The same with frozen parameters. */
  public CompileOptions withFrozen(Set<String> names) {
    return new CompileOptions(
        pass,
        batch,
        height,
        width,
        normalization,
        labelSmoothing,
        classWeights,
        names,
        taps,
        ranges);
  }

  /** The same with taps. */
  public CompileOptions withTaps(Set<String> nodes) {
    return new CompileOptions(
        pass,
        batch,
        height,
        width,
        normalization,
        labelSmoothing,
        classWeights,
        frozen,
        nodes,
        ranges);
  }

  /** The same with the ranges that int8 needs. */
  public CompileOptions withRanges(Map<String, Float> measured) {
    return new CompileOptions(
        pass,
        batch,
        height,
        width,
        normalization,
        labelSmoothing,
        classWeights,
        frozen,
        taps,
        measured);
  }
}
