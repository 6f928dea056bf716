package org.jresnet.backend;

/**
 * A chosen way to compute one op, before it has memory. Closing it does not affect ops that were
 * bound from it.
 */
public interface OpPlan extends AutoCloseable {
  /** What was planned. */
  OpSpec spec();

  /** The implementation chosen, for {@code --verbose} and profiles. */
  String implementation();

  /** Bytes of {@link Slot#SAVED}; 0 if it needs none. */
  long savedBytes();

  /** Bytes of {@link Slot#PREPARED}; 0 if it needs none. */
  long packedBytes();

  /** Bytes of {@link Slot#WORKSPACE}; 0 if it needs none. */
  long scratchBytes();

  /** Ties the plan to memory; the result runs without allocating. */
  BoundOp bind(Operands operands);

  @Override
  void close();
}
