package org.jresnet.graph;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Roles of an op's operands. A gradient is called {@code D} plus the tensor that it belongs to. An
 * op may have any number of inputs; the first two have names of their own, later ones are {@code
 * X2}, {@code X3} and so on. There is one object per role, so that {@code ==} compares them.
 */
public final class Slot implements Comparable<Slot> {
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
    /** Sums per channel that come with an activation. */
    SUMS,
    /** What the random draws of a step start from. */
    KEY,
    /** Bytes that only the plan of a backend knows. */
    EXTRA
  }

  private static final List<Slot> INPUTS = new ArrayList<>();

  /** First input. */
  public static final Slot X = input(0);

  /** Second input: what a residual connection adds, or a multiplication multiplies with. */
  public static final Slot RESIDUAL = input(1);

  /** Output activation. */
  public static final Slot Y = of(Kind.OUTPUT, "Y", 0);

  /** Filter {@code [k, c/groups, r, s]} or matrix {@code [k, c]}. */
  public static final Slot WEIGHT = of(Kind.PARAMETER, "WEIGHT", 0);

  /** Offset of a convolution or linear layer {@code [k]}. */
  public static final Slot BIAS = of(Kind.PARAMETER, "BIAS", 1);

  /** Scale of a batch norm {@code [c]}. */
  public static final Slot GAMMA = of(Kind.PARAMETER, "GAMMA", 2);

  /** Shift of a batch norm {@code [c]}. */
  public static final Slot BETA = of(Kind.PARAMETER, "BETA", 3);

  /** Running mean {@code [c]}. */
  public static final Slot RUNNING_MEAN = new Slot(Kind.STATE, "RUNNING_MEAN", 0);

  /** Running unbiased variance {@code [c]}. */
  public static final Slot RUNNING_VAR = new Slot(Kind.STATE, "RUNNING_VAR", 1);

  /** Gradient of X. */
  public static final Slot DX = X.gradient;

  /** Gradient of RESIDUAL. */
  public static final Slot DRESIDUAL = RESIDUAL.gradient;

  /** Gradient of Y, given. */
  public static final Slot DY = Y.gradient;

  /** Gradient of WEIGHT. */
  public static final Slot DWEIGHT = WEIGHT.gradient;

  /** Gradient of BIAS. */
  public static final Slot DBIAS = BIAS.gradient;

  /** Gradient of GAMMA. */
  public static final Slot DGAMMA = GAMMA.gradient;

  /** Gradient of BETA. */
  public static final Slot DBETA = BETA.gradient;

  /** Sums of X and of its squares, two values per channel: {@code [2, c]}. */
  public static final Slot X_SUMS = new Slot(Kind.SUMS, "X_SUMS", 0);

  /** The same of Y, as it is stored. */
  public static final Slot Y_SUMS = new Slot(Kind.SUMS, "Y_SUMS", 1);

  /** What the random draws of an op start from in a step: one number, of which the bits count. */
  public static final Slot KEY = new Slot(Kind.KEY, "KEY", 0);

  /** What forward leaves for backward. */
  public static final Slot SAVED = new Slot(Kind.EXTRA, "SAVED", 0);

  /** Weights that prepare leaves for every forward, in the library's layout. */
  public static final Slot PACKED = new Slot(Kind.EXTRA, "PACKED", 1);

  /** Memory that any op may overwrite. */
  public static final Slot SCRATCH = new Slot(Kind.EXTRA, "SCRATCH", 2);

  /** The same for what runs beside other ops. */
  public static final Slot ASIDE = new Slot(Kind.EXTRA, "ASIDE", 3);

  /** What backward leaves for finish. */
  public static final Slot HELD = new Slot(Kind.EXTRA, "HELD", 4);

  private final Kind kind;
  private final String name;
  private final int index;
  private Slot gradient;
  private Slot gradientOf;

  private Slot(Kind kind, String name, int index) {
    this.kind = kind;
    this.name = name;
    this.index = index;
  }

  /** A slot that has a gradient. */
  private static Slot of(Kind kind, String name, int index) {
    Slot slot = new Slot(kind, name, index);
    slot.gradient = new Slot(Kind.GRADIENT, "D" + name, index);
    slot.gradient.gradientOf = slot;
    return slot;
  }

  /** The slot of an op's input number {@code index}, from 0. */
  public static Slot input(int index) {
    synchronized (INPUTS) {
      for (int i = INPUTS.size(); i <= index; i++) {
        INPUTS.add(of(Kind.INPUT, i == 0 ? "X" : i == 1 ? "RESIDUAL" : "X" + i, i));
      }
      return INPUTS.get(index);
    }
  }

  /** Where an operand in this role comes from. */
  public Kind kind() {
    return kind;
  }

  /** The name in upper case: {@code RUNNING_MEAN}. */
  public String name() {
    return name;
  }

  /** Number among the roles of its kind, from 0; of an input, its place among the op's inputs. */
  public int index() {
    return index;
  }

  /** The slot of this operand's gradient; empty for gradients, state, sums and extras. */
  public Optional<Slot> gradient() {
    return Optional.ofNullable(gradient);
  }

  /** The operand that this is the gradient of; empty for what is no gradient. */
  public Optional<Slot> gradientOf() {
    return Optional.ofNullable(gradientOf);
  }

  /** As texts write it: {@code running_mean}. */
  public String id() {
    return name.toLowerCase(Locale.ROOT);
  }

  /** By kind, then by number; gradients in the order of what they belong to. */
  @Override
  public int compareTo(Slot other) {
    if (kind != other.kind) {
      return kind.compareTo(other.kind);
    }
    return kind == Kind.GRADIENT
        ? gradientOf.compareTo(other.gradientOf)
        : Integer.compare(index, other.index);
  }

  @Override
  public String toString() {
    return name;
  }
}
