package org.jresnet.backend;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jresnet.graph.DType;
import org.jresnet.graph.Slot;

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

  /** Bytes of {@link Slot#PACKED}; 0 if it needs none. */
  long packedBytes();

  /** Bytes of {@link Slot#SCRATCH}; 0 if it needs none. */
  long scratchBytes();

  /** Bytes of {@link Slot#ASIDE}; 0 if it needs none. */
  default long asideBytes() {
    return 0;
  }

  /** Bytes of {@link Slot#HELD}; 0 if it needs none. */
  default long heldBytes() {
    return 0;
  }

  /**
   * Every operand: the spec's, and the bytes that this plan asks for. What names {@link Phase#JOIN}
   * may still be in use between backward and join, while other ops run; what is written then is
   * there after join.
   */
  default List<Operand> operands() {
    List<Operand> all = new ArrayList<>(spec().operands());
    extra(all, Slot.SAVED, savedBytes(), Set.of(Phase.BACKWARD), Set.of(Phase.FORWARD));
    Set<Phase> uses = Set.of(Phase.FORWARD, Phase.BACKWARD);
    extra(all, Slot.PACKED, packedBytes(), uses, Set.of(Phase.PREPARE));
    Set<Phase> calls = Set.of(Phase.PREPARE, Phase.FORWARD, Phase.BACKWARD);
    extra(all, Slot.SCRATCH, scratchBytes(), Set.of(), calls);
    extra(all, Slot.ASIDE, asideBytes(), Set.of(), Set.of(Phase.BACKWARD, Phase.JOIN));
    extra(all, Slot.HELD, heldBytes(), Set.of(Phase.FINISH), Set.of(Phase.BACKWARD));
    return all;
  }

  private static void extra(
      List<Operand> all, Slot slot, long bytes, Set<Phase> reads, Set<Phase> writes) {
    if (bytes > 0) {
      List<Long> extents = List.of(bytes);
      all.add(new Operand(slot, extents, DType.U8, reads, writes, Optional.empty()));
    }
  }

  /**
   * Whether {@link Slot#PACKED} holds the same bytes for both plans once the same parameters are
   * packed, so that one block serves both; they are of the same op for different batch sizes, and
   * may be closed.
   */
  default boolean packsLike(OpPlan other) {
    return packedBytes() == 0 && other.packedBytes() == 0;
  }

  /** Ties the plan to memory; the result runs without allocating. */
  BoundOp bind(Operands operands);

  @Override
  void close();
}
