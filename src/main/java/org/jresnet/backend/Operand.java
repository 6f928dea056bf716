package org.jresnet.backend;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jresnet.graph.DType;
import org.jresnet.graph.Slot;

/**
 * A tensor of an op and what becomes of it. Reading means that a phase depends on what was there
 * before it; a tensor that a phase does not name may hold anything then, and keeps it.
 *
 * @param slot its role
 * @param extents in the order of memory for activations (n, h, w, c), torch's for parameters
 * @param type element type
 * @param reads phases that depend on its values
 * @param writes phases that change it; without reading it, they write every element
 * @param over the operand whose memory it may take over, because each element is read before it is
 *     written; {@link OpSpec#inPlace} says where it must
 */
public record Operand(
    Slot slot,
    List<Long> extents,
    DType type,
    Set<Phase> reads,
    Set<Phase> writes,
    Optional<Slot> over) {
  /** Copies the collections. */
  public Operand {
    extents = List.copyOf(extents);
    reads = Set.copyOf(reads);
    writes = Set.copyOf(writes);
  }

  /** Number of elements. */
  public long elements() {
    return extents.stream().mapToLong(Long::longValue).reduce(1, Math::multiplyExact);
  }

  /** Size in bytes. */
  public long bytes() {
    return elements() * type.bytes();
  }
}
