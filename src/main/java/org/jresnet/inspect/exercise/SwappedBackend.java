package org.jresnet.inspect.exercise;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jresnet.backend.Backend;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.InputOp;
import org.jresnet.backend.LossOp;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.UpdateRule;
import org.jresnet.graph.Shape;

/**
 * A backend some of whose ops are a learner's. Each of these is computed by the backend itself,
 * too: that is what the learner's values are held against, with equal inputs, at every node.
 */
final class SwappedBackend implements Backend {
  private final Backend backend;
  private final Swap swap;
  private final Trial trial;
  private final Iterator<String> names;

  /**
   * Swaps the ops of another backend, which stays its owner's.
   *
   * @param names of the places, in the order in which they are planned
   */
  SwappedBackend(Backend backend, Swap swap, Trial trial, List<String> names) {
    this.backend = backend;
    this.swap = swap;
    this.trial = trial;
    this.names = names.iterator();
  }

  @Override
  public OpPlan plan(OpSpec spec) {
    String name = names.next();
    OpPlan plan = backend.plan(spec);
    return swap.takes(spec) ? new Plan(name, plan) : plan;
  }

  /** A plan whose op is the learner's. */
  private final class Plan implements OpPlan {
    private final String name;
    private final OpPlan plan;

    Plan(String name, OpPlan plan) {
      this.name = name;
      this.plan = plan;
    }

    @Override
    public OpSpec spec() {
      return plan.spec();
    }

    @Override
    public String implementation() {
      return "exercise";
    }

    @Override
    public long savedBytes() {
      return plan.savedBytes();
    }

    @Override
    public long packedBytes() {
      return plan.packedBytes();
    }

    @Override
    public long scratchBytes() {
      return plan.scratchBytes();
    }

    @Override
    public BoundOp bind(Operands operands) {
      return new SwappedOp(name, plan, operands, swap, trial);
    }

    @Override
    public void close() {
      plan.close();
    }
  }

  @Override
  public String name() {
    return backend.name();
  }

  @Override
  public String description() {
    return backend.description();
  }

  @Override
  public Support supports(Precision precision) {
    return backend.supports(precision);
  }

  @Override
  public Precision autoPrecision() {
    return backend.autoPrecision();
  }

  @Override
  public Support supports(OpSpec spec) {
    return backend.supports(spec);
  }

  @Override
  public Buffer allocate(String purpose, long bytes) {
    return backend.allocate(purpose, bytes);
  }

  @Override
  public InputOp input(Shape shape, Normalization normalization, Tensor y) {
    return backend.input(shape, normalization, y);
  }

  @Override
  public LossOp loss(LossSpec spec, Tensor logits, Tensor dlogits) {
    return backend.loss(spec, logits, dlogits);
  }

  @Override
  public Optimizer optimizer(
      UpdateRule rule, Tensor parameters, Tensor gradients, List<Tensor> states) {
    List<Tensor> arenas = new ArrayList<>(List.of(parameters, gradients));
    arenas.addAll(states);
    Optimizer trusted = backend.optimizer(rule, parameters, gradients, states);
    return swap.optimizer(trusted, rule, arenas, trial);
  }

  @Override
  public void close() {}
}
