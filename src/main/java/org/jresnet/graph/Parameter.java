package org.jresnet.graph;

import java.util.List;

/**
 * A named array that belongs to a node: torch's name, torch's logical shape, and what it is for.
 *
 * @param name such as {@code layer1.0.conv1.weight}
 * @param shape torch's shape: {@code [k, c, r, s]} for convolutions, {@code [k, c]} for linear,
 *     {@code [c]} for the rest; empty for {@code num_batches_tracked}
 * @param role what the array means
 */
public record Parameter(String name, List<Integer> shape, Role role) {
  /** What a parameter is for. */
  public enum Role {
    /** Filter of a convolution. */
    CONV_WEIGHT,
    /** Scale of a batch norm. */
    NORM_WEIGHT,
    /** Shift of a batch norm. */
    NORM_BIAS,
    /** Matrix of a linear layer. */
    LINEAR_WEIGHT,
    /** Offset of a linear layer. */
    LINEAR_BIAS,
    /** Running mean of a batch norm. */
    RUNNING_MEAN,
    /** Running (unbiased) variance of a batch norm. */
    RUNNING_VAR,
    /** Number of training batches that a batch norm has seen; an integer scalar. */
    BATCHES_TRACKED;

    /** Whether a gradient and an optimizer apply to it; running statistics have neither. */
    public boolean trainable() {
      return ordinal() <= LINEAR_BIAS.ordinal();
    }
  }

  /** Makes the shape immutable. */
  public Parameter {
    shape = List.copyOf(shape);
  }

  /** Number of values, 1 for a scalar. */
  public int elements() {
    return shape.stream().reduce(1, Math::multiplyExact);
  }
}
