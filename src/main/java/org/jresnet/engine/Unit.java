package org.jresnet.engine;

import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.Operand;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Phase;
import org.jresnet.graph.Slot;

/**
 * A group with its tensors: what is bound as one op.
 *
 * @param group what is computed
 * @param plan how
 * @param values the tensor of every operand
 */
record Unit(Group group, OpPlan plan, Map<Slot, Value> values) {
  List<Value> reads(Phase phase) {
    return select(o -> o.reads().contains(phase));
  }

  List<Value> writes(Phase phase) {
    return select(o -> o.writes().contains(phase));
  }

  /** Whether something of backward runs on beside other groups, until it is joined. */
  boolean runsOn() {
    return !reads(Phase.JOIN).isEmpty() || !writes(Phase.JOIN).isEmpty();
  }

  private List<Value> select(Predicate<Operand> wanted) {
    return plan.operands().stream().filter(wanted).map(o -> values.get(o.slot())).toList();
  }

  BoundOp bind() {
    Operands operands = new Operands();
    values.forEach((slot, value) -> operands.with(slot, value.tensor()));
    return plan.bind(operands);
  }
}
