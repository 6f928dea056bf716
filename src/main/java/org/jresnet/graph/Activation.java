package org.jresnet.graph;

import java.util.List;
import java.util.Set;

/**
 * A function of each element.
 *
 * @param function which one
 * @param slope what a leaky ReLU multiplies negative numbers by; 0 for all others
 */
public record Activation(Function function, double slope) implements Op {
  /** torch's activation functions. */
  public enum Function {
    /** {@code max(x, 0)}. */
    RELU("relu", Slot.Y),
    /** {@code min(max(x, 0), 6)}. */
    RELU6("relu6", Slot.Y),
    /** {@code x}, or {@code slope·x} below 0. */
    LEAKY_RELU("leakyrelu", Slot.Y),
    /** {@code σ(x) = 1 / (1 + e⁻ˣ)}. */
    SIGMOID("sigmoid", Slot.Y),
    /** {@code x·σ(x)}. */
    SILU("silu", Slot.X),
    /** {@code x·relu6(x + 3) / 6}. */
    HARD_SWISH("hardswish", Slot.X),
    /** {@code relu6(x + 3) / 6}. */
    HARD_SIGMOID("hardsigmoid", Slot.X);

    private final String kind;
    private final Slot reads;

    Function(String kind, Slot reads) {
      this.kind = kind;
      this.reads = reads;
    }
  }

  /** Checks that only a leaky ReLU has a slope, which must not turn signs around. */
  public Activation {
    if (!(slope >= 0) || function != Function.LEAKY_RELU && slope != 0) {
      throw new IllegalArgumentException(
          "a leaky ReLU has a slope of at least 0, other activations have none; found "
              + function.kind
              + " with slope "
              + slope);
    }
  }

  /** A function without a slope. */
  public Activation(Function function) {
    this(function, 0);
  }

  /** {@code max(x, 0)}. */
  public static Activation relu() {
    return new Activation(Function.RELU);
  }

  @Override
  public String kind() {
    return function.kind;
  }

  /** The output where it tells the derivative, so that the input may be forgotten. */
  @Override
  public Set<Slot> reads(Slot gradient) {
    return Set.of(function.reads);
  }

  @Override
  public Part part() {
    return Part.ACTIVATION;
  }

  @Override
  public boolean fusesInTraining() {
    return function == Function.RELU;
  }

  @Override
  public boolean nonNegative() {
    return switch (function) {
      case RELU, RELU6, SIGMOID, HARD_SIGMOID -> true;
      case LEAKY_RELU, SILU, HARD_SWISH -> false;
    };
  }

  @Override
  public boolean keepsType() {
    return true;
  }

  @Override
  public Shape output(List<Shape> inputs) {
    return inputs.get(0);
  }
}
