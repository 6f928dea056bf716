package org.jresnet.backend;

/** When a call of an op runs. */
public enum Phase {
  /** In {@link BoundOp#prepare}. */
  PREPARE,
  /** In {@link BoundOp#forward}. */
  FORWARD,
  /** In {@link BoundOp#backward}. */
  BACKWARD,
  /** In {@link BoundOp#join}. */
  JOIN,
  /** In {@link BoundOp#finish}. */
  FINISH
}
