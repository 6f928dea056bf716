package org.jresnet.backend;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.base.Closing;
import org.jresnet.graph.Slot;

/** Collects the calls of an op while a {@link LibraryPlan} ties it to memory. */
public abstract class Binding {
  /** What was planned. */
  protected final OpSpec spec;

  private final Operands operands;
  private final List<OpCall> calls = new ArrayList<>();
  private final List<AutoCloseable> owned = new ArrayList<>();

  /** A binding of that op to those operands. */
  protected Binding(OpSpec spec, Operands operands) {
    this.spec = spec;
    this.operands = operands;
  }

  /** The operand of that role. */
  protected final Tensor tensor(Slot slot) {
    return operands.get(slot);
  }

  /** FLOPs of one product of the op: two per multiply-accumulate. */
  protected final long flops() {
    return 2 * spec.macs();
  }

  /** Appends a call; within a phase, calls run in this order. */
  protected final void add(OpCall call) {
    calls.add(call);
  }

  /** Hands over an object that is closed with the op, the last one first. */
  protected final <T extends AutoCloseable> T own(T object) {
    owned.add(object);
    return object;
  }

  final BoundOp bound() {
    return new BoundCalls(calls, owned);
  }

  /** Frees what was made when binding fails half-way. */
  final void abandon() {
    Closing.closeAll(owned);
  }
}
