package org.jresnet.graph;

import static org.jresnet.graph.Parameter.Role.*;

import java.util.List;
import java.util.Set;

/**
 * One operation of a network, as data. An op knows its parameters, the shape that it makes of its
 * inputs' shapes, its multiply-accumulate count, what its gradients read, and how it may be
 * computed together with its neighbours; what it computes is written in {@code backend.reference}.
 */
public interface Op {
  /** What an op can be within the call of the op before it. */
  enum Part {
    /** Nothing: it is always computed on its own. */
    NONE,
    /** Scale and shift per channel, which fold into weights in inference. */
    NORM,
    /** An addition of another node's output. */
    RESIDUAL,
    /** A function of each element. */
    ACTIVATION,
    /** A convolution, which may compute a batch norm and an activation before it as it reads. */
    CONVOLUTION
  }

  /** How an op computes in an int8 network. */
  enum Int8 {
    /** Not at all. */
    NONE,
    /**
     * Integers to integers of a measured range, with a batch norm that it takes along folded in.
     */
    RANGED,
    /** Integers to integers of the same scale. */
    KEEPS,
    /** To single precision. */
    WIDENS
  }

  /** Name of the kind, for profiles and messages: {@code conv}. */
  String kind();

  /**
   * Shape of the output for the inputs' shapes; an {@link IllegalArgumentException} says what does
   * not fit.
   */
  Shape output(List<Shape> inputs);

  /** The arrays of this op at a node of the given name, in the order of torch's state dict. */
  default List<Parameter> parameters(String node) {
    return List.of();
  }

  /**
   * Multiply-accumulates that produce {@code output}; only convolutions and linear layers count, as
   * in the literature.
   */
  default long macs(Shape output) {
    return 0;
  }

  /** Number of inputs. */
  default int arity() {
    return 1;
  }

  /**
   * What the formula of a gradient reads besides DY. Memory of everything else is given to others
   * before backward, so a slot that is missing here gives wrong gradients; the contract tests find
   * it.
   */
  default Set<Slot> reads(Slot gradient) {
    return Set.of();
  }

  /** Gradients that libraries compute together with the others, wanted or not. */
  default Set<Slot> unasked() {
    return Set.of();
  }

  /** Whether the output has a derivative by an input; one without gets no gradient. */
  default boolean differentiates(int input) {
    return true;
  }

  /**
   * Whether the gradient of an input can be added to what others wrote. Libraries cannot for every
   * op; the engine then gives it an input of its own.
   */
  default boolean accumulates() {
    return true;
  }

  /** Whether it draws random numbers in training, from {@link Slot#KEY}. */
  default boolean draws() {
    return false;
  }

  /** What it can be within the call of the op before it. */
  default Part part() {
    return Part.NONE;
  }

  /**
   * Whether every backend computes it as a part in training, too. The gradient of a part follows
   * from the output of the whole call.
   */
  default boolean fusesInTraining() {
    return true;
  }

  /**
   * What its call can take along, in this order; in {@code inference} weights are folded. Parts may
   * be missing, but nothing is taken without a NORM that stands first.
   */
  default List<Part> takes(boolean inference) {
    return List.of();
  }

  /** How it computes in an int8 network. */
  default Int8 int8() {
    return Int8.NONE;
  }

  /** Whether no output is below zero. */
  default boolean nonNegative() {
    return false;
  }

  /** Whether its output has the parameters' type, whatever the activations' type is. */
  default boolean exact() {
    return false;
  }

  /** Whether its output has its first input's type: an element is computed from an element. */
  default boolean keepsType() {
    return false;
  }

  /**
   * Checks that training with the batch's statistics makes sense.
   *
   * @throws IllegalArgumentException saying what does not fit
   */
  default void requireTrainable(Shape input) {}

  /** The image batch: {@code n×h×w×channels}, normalised. */
  record Input(int channels) implements Op {
    @Override
    public String kind() {
      return "input";
    }

    @Override
    public Int8 int8() {
      return Int8.KEEPS;
    }

    @Override
    public int arity() {
      return 0;
    }

    @Override
    public Shape output(List<Shape> inputs) {
      throw new IllegalStateException("the input's shape is given, not inferred");
    }
  }

  /** Batch normalisation over n, h, w ({@code torch.nn.BatchNorm2d}). */
  record BatchNorm(int c, double eps, double momentum) implements Op {
    @Override
    public String kind() {
      return "norm";
    }

    @Override
    public Set<Slot> reads(Slot gradient) {
      return Set.of(Slot.X, Slot.GAMMA, Slot.RUNNING_MEAN, Slot.RUNNING_VAR);
    }

    @Override
    public Set<Slot> unasked() {
      return Set.of(Slot.DX);
    }

    @Override
    public boolean accumulates() {
      return false;
    }

    @Override
    public Part part() {
      return Part.NORM;
    }

    @Override
    public List<Part> takes(boolean inference) {
      return List.of(Part.RESIDUAL, Part.ACTIVATION);
    }

    @Override
    public void requireTrainable(Shape input) {
      if (input.perChannel() < 2) {
        throw new IllegalArgumentException(
            "training a batch norm needs more than one value per channel, but its input is "
                + input
                + "; use a larger batch or larger images");
      }
    }

    @Override
    public Shape output(List<Shape> inputs) {
      inputs.get(0).requireChannels(c);
      return inputs.get(0);
    }

    @Override
    public List<Parameter> parameters(String node) {
      return List.of(
          new Parameter(node + ".weight", List.of(c), NORM_WEIGHT),
          new Parameter(node + ".bias", List.of(c), NORM_BIAS),
          new Parameter(node + ".running_mean", List.of(c), RUNNING_MEAN),
          new Parameter(node + ".running_var", List.of(c), RUNNING_VAR),
          new Parameter(node + ".num_batches_tracked", List.of(), BATCHES_TRACKED));
    }
  }

  /** Sum of two activations of one shape: the residual connection. */
  record Add() implements Op {
    @Override
    public String kind() {
      return "add";
    }

    @Override
    public Part part() {
      return Part.RESIDUAL;
    }

    @Override
    public int arity() {
      return 2;
    }

    @Override
    public Shape output(List<Shape> inputs) {
      if (!inputs.get(0).equals(inputs.get(1))) {
        throw new IllegalArgumentException("add needs two equal shapes, found " + inputs);
      }
      return inputs.get(0);
    }
  }

  /** Maximum over a square window; padding never wins ({@code torch.nn.MaxPool2d}). */
  record MaxPool(int kernel, int stride, int padding) implements Op {
    @Override
    public String kind() {
      return "maxpool";
    }

    @Override
    public Int8 int8() {
      return Int8.KEEPS;
    }

    @Override
    public Shape output(List<Shape> inputs) {
      Shape x = inputs.get(0);
      Axis window = new Axis(kernel, stride, padding);
      return new Shape(x.n(), window.positions(x.h()), window.positions(x.w()), x.c());
    }
  }

  /** Mean over h and w ({@code torch.nn.AdaptiveAvgPool2d(1)}). */
  record GlobalAvgPool() implements Op {
    @Override
    public String kind() {
      return "avgpool";
    }

    @Override
    public Int8 int8() {
      return Int8.WIDENS;
    }

    @Override
    public Shape output(List<Shape> inputs) {
      return new Shape(inputs.get(0).n(), 1, 1, inputs.get(0).c());
    }
  }

  /** Matrix product with bias on feature vectors ({@code torch.nn.Linear}). */
  record Linear(int c, int k) implements Op {
    @Override
    public String kind() {
      return "linear";
    }

    @Override
    public Set<Slot> reads(Slot gradient) {
      if (gradient == Slot.DX) {
        return Set.of(Slot.WEIGHT);
      }
      return gradient == Slot.DWEIGHT ? Set.of(Slot.X) : Set.of();
    }

    @Override
    public Int8 int8() {
      return Int8.WIDENS;
    }

    @Override
    public boolean exact() {
      return true;
    }

    @Override
    public Shape output(List<Shape> inputs) {
      Shape x = inputs.get(0);
      x.requireChannels(c);
      if (x.h() != 1 || x.w() != 1) {
        throw new IllegalArgumentException("linear needs feature vectors (1x1), found " + x);
      }
      return new Shape(x.n(), 1, 1, k);
    }

    @Override
    public List<Parameter> parameters(String node) {
      return List.of(
          new Parameter(node + ".weight", List.of(k, c), LINEAR_WEIGHT),
          new Parameter(node + ".bias", List.of(k), LINEAR_BIAS));
    }

    @Override
    public long macs(Shape output) {
      return Math.multiplyExact(output.elements(), c);
    }
  }
}
