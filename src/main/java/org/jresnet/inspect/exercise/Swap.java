package org.jresnet.inspect.exercise;

import java.util.List;
import java.util.Map;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Phase;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.UpdateRule;
import org.jresnet.graph.Slot;

/** Which ops of a network a learner's code computes, and how it is called for one. */
interface Swap {
  /**
   * A call whose results belong to operands.
   *
   * @param call of the learner's method
   * @param slots of its results, in their order
   */
  record OpCall(Call call, List<Slot> slots) {}

  /**
   * What a phase of an op has to do with.
   *
   * @param where the op is: its node, or what it is called with
   * @param spec the op
   * @param phase forward or backward
   * @param before values of what the phase reads
   * @param after values of what the phase writes, as the trusted side has them
   */
  record Work(
      String where,
      OpSpec spec,
      Phase phase,
      Map<Slot, double[]> before,
      Map<Slot, double[]> after) {
    /** The value of an operand before the phase. */
    double[] given(Slot slot) {
      return before.get(slot);
    }

    /** What the phase must make of it. */
    double[] expected(Slot slot) {
      return after.get(slot);
    }

    boolean isForward() {
      return phase == Phase.FORWARD;
    }
  }

  /** Whether such an op is the learner's. */
  boolean takes(OpSpec spec);

  /** The optimizer with the learner's rule; the trusted one unless that is the exercise. */
  default Optimizer optimizer(
      Optimizer trusted, UpdateRule rule, List<Tensor> arenas, Trial trial) {
    return trusted;
  }

  /** The calls of a phase; what they do not compute stays the trusted side's. */
  List<OpCall> calls(Work work);
}
