package org.jresnet.graph;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** Roles of an op's operands. A gradient is called {@code D} plus the tensor that it belongs to. */
public enum Slot {
  /** First input activation. */
  X(Kind.INPUT),
  /** Second input: what a residual connection adds. */
  RESIDUAL(Kind.INPUT),
  /** Output activation. */
  Y(Kind.OUTPUT),
  /** Filter {@code [k, c, r, s]} or matrix {@code [k, c]}. */
  WEIGHT(Kind.PARAMETER),
  /** Offset of a linear layer {@code [k]}. */
  BIAS(Kind.PARAMETER),
  /** Scale of a batch norm {@code [c]}. */
  GAMMA(Kind.PARAMETER),
  /** Shift of a batch norm {@code [c]}. */
  BETA(Kind.PARAMETER),
  /** Running mean {@code [c]}. */
  RUNNING_MEAN(Kind.STATE),
  /** Running unbiased variance {@code [c]}. */
  RUNNING_VAR(Kind.STATE),
  /** Gradient of X. */
  DX(Kind.GRADIENT),
  /** Gradient of RESIDUAL. */
  DRESIDUAL(Kind.GRADIENT),
  /** Gradient of Y, given. */
  DY(Kind.GRADIENT),
  /** Gradient of WEIGHT. */
  DWEIGHT(Kind.GRADIENT),
  /** Gradient of BIAS. */
  DBIAS(Kind.GRADIENT),
  /** Gradient of GAMMA. */
  DGAMMA(Kind.GRADIENT),
  /** Gradient of BETA. */
  DBETA(Kind.GRADIENT),
  /** What forward leaves for backward. */
  SAVED(Kind.EXTRA),
  /** Weights that prepare leaves for every forward, in the library's layout. */
  PACKED(Kind.EXTRA),
  /** Memory that any op may overwrite. */
  SCRATCH(Kind.EXTRA);

  /** Where an operand comes from. */
  public enum Kind {
    /** Output of another node. */
    INPUT,
    /** What the op makes. */
    OUTPUT,
    /** What training changes. */
    PARAMETER,
    /** What forward changes from batch to batch in training: running statistics. */
    STATE,
    /** Derivative of the loss by another operand. */
    GRADIENT,
    /** Bytes that only the plan of a backend knows. */
    EXTRA
  }

  private final Kind kind;

  Slot(Kind kind) {
    this.kind = kind;
  }

  /** Where an operand in this role comes from. */
  public Kind kind() {
    return kind;
  }

  /** The slot of this operand's gradient; empty for gradients, state and extras. */
  public Optional<Slot> gradient() {
    return Arrays.stream(values()).filter(s -> s.name().equals("D" + name())).findFirst();
  }

  /** The operand that this is the gradient of; empty for what is no gradient. */
  public Optional<Slot> gradientOf() {
    return kind == Kind.GRADIENT ? Optional.of(valueOf(name().substring(1))) : Optional.empty();
  }

  /** The slot of an op's input number {@code index}, from 0. */
  public static Slot input(int index) {
    return Arrays.stream(values())
        .filter(s -> s.kind == Kind.INPUT)
        .skip(index)
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "an op has at most 2 inputs, asked for number " + index));
  }

  /** As texts write it: {@code running_mean}. */
  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }
}
