package org.jresnet.backend;

import java.util.List;

/**
 * Softmax cross-entropy as <a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html">
 * torch.nn.CrossEntropyLoss</a> with mean reduction.
 *
 * @param n images
 * @param classes number of classes
 * @param labelSmoothing share of the target spread evenly over all classes, in [0, 1)
 * @param classWeights one weight per class, or empty for none; the mean is then weighted, too
 */
public record LossSpec(int n, int classes, double labelSmoothing, List<Double> classWeights) {
  /** Checks ranges. */
  public LossSpec {
    classWeights = List.copyOf(classWeights);
    if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
      throw new IllegalArgumentException("label smoothing is in [0, 1), found " + labelSmoothing);
    }
    if (!classWeights.isEmpty() && classWeights.size() != classes) {
      throw new IllegalArgumentException(
          "expected " + classes + " class weights, found " + classWeights.size());
    }
  }
}
