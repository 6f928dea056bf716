package org.jresnet.backend;

/** Roles of an op's operands. A gradient is called {@code D} plus the tensor that it belongs to. */
public enum Slot {
  /** Input activation. */
  X,
  /** Second input: what a residual connection adds. */
  RESIDUAL,
  /** Output activation. */
  Y,
  /** Filter {@code [k, c, r, s]} or matrix {@code [k, c]}. */
  WEIGHT,
  /** Offset of a linear layer {@code [k]}. */
  BIAS,
  /** Scale of a batch norm {@code [c]}. */
  GAMMA,
  /** Shift of a batch norm {@code [c]}. */
  BETA,
  /** Running mean {@code [c]}. */
  RUNNING_MEAN,
  /** Running unbiased variance {@code [c]}. */
  RUNNING_VAR,
  /** Gradient of X. */
  DX,
  /** Gradient of RESIDUAL. */
  DRESIDUAL,
  /** Gradient of Y, given. */
  DY,
  /** Gradient of WEIGHT. */
  DWEIGHT,
  /** Gradient of BIAS. */
  DBIAS,
  /** Gradient of GAMMA. */
  DGAMMA,
  /** Gradient of BETA. */
  DBETA,
  /** What forward leaves for backward; {@link OpPlan#savedBytes()} long. */
  SAVED,
  /**
   * Weights that prepare leaves, in the library's layout, for every forward; {@link
   * OpPlan#packedBytes()} long.
   */
  PACKED,
  /** Scratch that any op may overwrite; {@link OpPlan#scratchBytes()} long. */
  SCRATCH
}
