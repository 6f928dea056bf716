package org.jresnet.inspect.exercise;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jresnet.backend.Backend;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.ForwardingBackend;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.UpdateRule;

/**
 * A backend some of whose ops are a learner's. Each of these is computed by the backend itself,
 * too: that is what the learner's values are held against, with equal inputs, at every node.
 */
final class SwappedBackend extends ForwardingBackend {
  private final Swap swap;
  private final Trial trial;
  private final Iterator<String> names;

  /**
   * Swaps the ops of another backend, which stays its owner's.
   *
   * @param names of the places, in the order in which they are planned
   */
  SwappedBackend(Backend backend, Swap swap, Trial trial, List<String> names) {
    super(backend);
    this.swap = swap;
    this.trial = trial;
    this.names = names.iterator();
  }

  @Override
  public OpPlan plan(OpSpec spec) {
    String name = names.next();
    OpPlan plan = super.plan(spec);
    return swap.takes(spec) ? swapped(name, plan) : plan;
  }

  /** A plan whose op is the learner's. */
  private OpPlan swapped(String name, OpPlan plan) {
    return new Plan(plan) {
      @Override
      public String implementation() {
        return "exercise";
      }

      @Override
      public BoundOp bind(Operands operands) {
        return new SwappedOp(name, plan, operands, swap, trial);
      }
    };
  }

  @Override
  public Optimizer optimizer(
      UpdateRule rule, Tensor parameters, Tensor gradients, List<Tensor> states) {
    List<Tensor> arenas = new ArrayList<>(List.of(parameters, gradients));
    arenas.addAll(states);
    Optimizer trusted = super.optimizer(rule, parameters, gradients, states);
    return swap.optimizer(trusted, rule, arenas, trial);
  }
}
