package org.jresnet.engine;

import org.jresnet.backend.Tensor;
import org.jresnet.graph.DType;

/**
 * A tensor of a step. Parameters have memory from the start; for all else the memory plan finds a
 * place.
 */
final class Value {
  /** How long a value is needed. */
  enum Life {
    /** From the first action that touches it to the last. */
    STEP,
    /** From run to run. */
    EXECUTABLE
  }

  final String name;
  final DType type;
  final long elements;
  final Life life;
  private final boolean given;
  private Tensor tensor;

  Value(String name, DType type, long elements, Life life) {
    this(name, type, elements, life, null);
  }

  private Value(String name, DType type, long elements, Life life, Tensor tensor) {
    this.name = name;
    this.type = type;
    this.elements = elements;
    this.life = life;
    this.tensor = tensor;
    given = tensor != null;
  }

  /** A value that lies outside of the planned memory. */
  Value(String name, Tensor tensor) {
    this(name, tensor.type(), tensor.elements(), Life.EXECUTABLE, tensor);
  }

  long bytes() {
    return elements * type.bytes();
  }

  /** Whether it is the model's, not this step's. */
  boolean given() {
    return given;
  }

  /** Whether it has memory. */
  boolean placed() {
    return tensor != null;
  }

  void place(Tensor at) {
    tensor = at;
  }

  Tensor tensor() {
    if (tensor == null) {
      throw new IllegalStateException(name + " has no memory yet");
    }
    return tensor;
  }

  /** Whether it can be looked at for values that are not finite. */
  boolean isFloat() {
    return switch (type) {
      case F64, F32, TF32, F16, BF16 -> true;
      default -> false;
    };
  }

  @Override
  public String toString() {
    return name;
  }
}
