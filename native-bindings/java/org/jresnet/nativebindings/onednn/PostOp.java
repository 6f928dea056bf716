package org.jresnet.nativebindings.onednn;

/** What is done to a result before it is stored, in this order. */
public enum PostOp {
  /** Adds what the destination held before. */
  SUM,
  /** {@code max(·, 0)} */
  RELU
}
