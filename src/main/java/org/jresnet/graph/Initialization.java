package org.jresnet.graph;

/**
 * How the weights of a network start, which families do differently. Batch norms start with weight
 * 1 and bias 0 in all of them, and a transposed convolution as torch starts it.
 *
 * @param filters of convolutions
 * @param offsets biases of convolutions
 * @param matrices of linear layers
 * @param biases of linear layers
 */
public record Initialization(Rule filters, Rule offsets, Rule matrices, Rule biases) {
  /** ResNet's in torchvision: Kaiming's filters, all else as torch starts it. */
  public static final Initialization RESNET =
      new Initialization(
          Rule.FAN_OUT_NORMAL, Rule.FAN_IN_UNIFORM, Rule.FAN_IN_UNIFORM, Rule.FAN_IN_UNIFORM);

  /** A distribution with mean 0. */
  public enum Rule {
    /** All are 0. */
    ZERO,
    /** A standard deviation of 0.01. */
    NORMAL_0_01,
    /**
     * A standard deviation of √(2 / fan-out), with fan-out {@code k·r·s} (He et al. 2015, <a
     * href="https://arxiv.org/abs/1502.01852">arXiv:1502.01852</a>; {@code
     * torch.nn.init.kaiming_normal_(mode="fan_out")}).
     */
    FAN_OUT_NORMAL,
    /** Uniform in ±1/√fan-out. */
    FAN_OUT_UNIFORM,
    /**
     * Uniform in ±1/√fan-in, torch's own start of layers. A bias has the fan-in of the weight
     * beside it.
     */
    FAN_IN_UNIFORM
  }
}
