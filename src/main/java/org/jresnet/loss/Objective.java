package org.jresnet.loss;

import java.util.List;

/**
 * The scalar of a training step, a function of the network's outputs {@code z}. Backward starts at
 * its gradient by {@code z}.
 */
public sealed interface Objective {
  /** Plain cross-entropy: no label smoothing, no class weights. */
  Objective CROSS_ENTROPY = new CrossEntropy(0, List.of());

  /** What each batch brings along. */
  enum Given {
    /** A class index per image. */
    LABELS,
    /** A number per output of each image. */
    VALUES
  }

  /** What {@code z} is compared with. */
  Given given();

  /**
   * Softmax cross-entropy with the labels, as <a
   * href="https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html">
   * torch.nn.CrossEntropyLoss</a> with mean reduction.
   *
   * @param labelSmoothing share of the target spread evenly over all classes, in [0, 1)
   * @param classWeights one weight per class, or empty for none; the mean is then weighted, too
   */
  record CrossEntropy(double labelSmoothing, List<Double> classWeights) implements Objective {
    /** Copies the weights and checks the smoothing. */
    public CrossEntropy {
      classWeights = List.copyOf(classWeights);
      if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
        throw new IllegalArgumentException("label smoothing is in [0, 1), found " + labelSmoothing);
      }
    }

    @Override
    public Given given() {
      return Given.LABELS;
    }
  }

  /**
   * Mean of {@code (z − t)²} over all outputs of the batch, with the given values as targets {@code
   * t}, as <a href="https://pytorch.org/docs/stable/generated/torch.nn.MSELoss.html">
   * torch.nn.MSELoss</a> with mean reduction.
   */
  record MeanSquaredError() implements Objective {
    @Override
    public Given given() {
      return Given.VALUES;
    }
  }

  /**
   * Sum of {@code s·z} over all outputs of the batch, with the given values as seed {@code s}:
   * backward starts at exactly {@code s}, as {@code z.backward(s)} does in PyTorch. With 1 at one
   * class and 0 elsewhere the gradients are those of that class's logit.
   */
  record Seed() implements Objective {
    @Override
    public Given given() {
      return Given.VALUES;
    }
  }
}
