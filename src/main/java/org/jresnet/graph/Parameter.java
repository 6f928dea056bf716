package org.jresnet.graph;

import java.math.BigInteger;
import java.util.List;
import java.util.Optional;
import org.jresnet.base.UserError;

/**
 * A named array that belongs to a node: torch's name, torch's logical shape, and what it is for.
 *
 * @param name such as {@code layer1.0.conv1.weight}
 * @param shape torch's shape: {@code [k, c/groups, r, s]} for convolutions, {@code [k, c]} for
 *     linear, {@code [c]} for the rest; empty for {@code num_batches_tracked}
 * @param role what the array means
 */
public record Parameter(String name, List<Integer> shape, Role role) {
  /** What a parameter is for. */
  public enum Role {
    /** Filter of a convolution. */
    CONV_WEIGHT(Slot.WEIGHT),
    /** Filter of a transposed convolution, {@code [c, k/groups, r, s]}. */
    CONV_TRANSPOSE_WEIGHT(Slot.WEIGHT),
    /** Offset of a convolution. */
    CONV_BIAS(Slot.BIAS),
    /** Scale of a batch norm. */
    NORM_WEIGHT(Slot.GAMMA),
    /** Shift of a batch norm. */
    NORM_BIAS(Slot.BETA),
    /** Matrix of a linear layer. */
    LINEAR_WEIGHT(Slot.WEIGHT),
    /** Offset of a linear layer. */
    LINEAR_BIAS(Slot.BIAS),
    /** Running mean of a batch norm. */
    RUNNING_MEAN(Slot.RUNNING_MEAN),
    /** Running (unbiased) variance of a batch norm. */
    RUNNING_VAR(Slot.RUNNING_VAR),
    /** Number of training batches that a batch norm has seen; an integer scalar. */
    BATCHES_TRACKED(null);

    private final Slot slot;

    Role(Slot slot) {
      this.slot = slot;
    }

    /** The operand that it is; empty for a count that only the host keeps. */
    public Optional<Slot> slot() {
      return Optional.ofNullable(slot);
    }

    /** Whether a gradient and an optimizer apply to it; running statistics have neither. */
    public boolean trainable() {
      return slot != null && slot.kind() == Slot.Kind.PARAMETER;
    }

    /** Whether it is the running mean or variance of a batch norm. */
    public boolean isStatistic() {
      return this == RUNNING_MEAN || this == RUNNING_VAR;
    }
  }

  /**
   * Makes the shape immutable.
   *
   * @throws UserError if the values do not fit into one array
   */
  public Parameter {
    shape = List.copyOf(shape);
    BigInteger elements =
        shape.stream().map(BigInteger::valueOf).reduce(BigInteger.ONE, BigInteger::multiply);
    if (elements.bitLength() > Integer.SIZE - 1) {
      throw new UserError(
          "%s of shape %s would have %s values, at most %d are possible; use a smaller width or fewer classes"
              .formatted(name, shape, elements, Integer.MAX_VALUE));
    }
  }

  /** Number of values, 1 for a scalar. */
  public int elements() {
    return shape.stream().reduce(1, (a, b) -> a * b);
  }
}
