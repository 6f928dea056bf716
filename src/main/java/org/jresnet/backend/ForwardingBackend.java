package org.jresnet.backend;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.base.JpegDevice;
import org.jresnet.graph.Shape;

/**
 * A backend that hands everything on to another one, which stays its owner's: what is to be looked
 * at, or computed otherwise, overrides a method. Steps are not recorded, since who looks on does so
 * between the calls.
 */
public abstract class ForwardingBackend implements Backend {
  private final Backend backend;

  /** Hands on to that backend. */
  protected ForwardingBackend(Backend backend) {
    this.backend = backend;
  }

  /** A plan that hands everything on to another one. */
  public abstract static class Plan implements OpPlan {
    private final OpPlan plan;

    /** Hands on to that plan, and closes it. */
    protected Plan(OpPlan plan) {
      this.plan = plan;
    }

    @Override
    public OpSpec spec() {
      return plan.spec();
    }

    @Override
    public String implementation() {
      return plan.implementation();
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
    public long asideBytes() {
      return plan.asideBytes();
    }

    @Override
    public long heldBytes() {
      return plan.heldBytes();
    }

    @Override
    public List<Operand> operands() {
      return plan.operands();
    }

    @Override
    public void close() {
      plan.close();
    }
  }

  @Override
  public Map<String, String> choices() {
    return backend.choices();
  }

  @Override
  public void choose(Map<String, String> choices) {
    backend.choose(choices);
  }

  @Override
  public void synchronizeNorms(RankSums sums) {
    backend.synchronizeNorms(sums);
  }

  @Override
  public Optional<Interconnect> interconnect() {
    return backend.interconnect();
  }

  @Override
  public JpegDevice jpegDevice(String kind) {
    return backend.jpegDevice(kind);
  }

  @Override
  public List<Contest> contests(OpSpec spec) {
    return backend.contests(spec);
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
  public BoundOp together(List<BoundOp> ops, Phase phase) {
    return backend.together(ops, phase);
  }

  @Override
  public Support fuses(OpSpec spec) {
    return backend.fuses(spec);
  }

  @Override
  public void planAhead(List<OpSpec> specs) {
    backend.planAhead(specs);
  }

  @Override
  public OpPlan plan(OpSpec spec) {
    return backend.plan(spec);
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
  public LossOp loss(LossSpec spec, Tensor logits, Tensor dlogits, Tensor gradientScale) {
    return backend.loss(spec, logits, dlogits, gradientScale);
  }

  @Override
  public Optimizer optimizer(
      UpdateRule rule, Tensor parameters, Tensor gradients, List<Tensor> states) {
    return backend.optimizer(rule, parameters, gradients, states);
  }

  /** Leaves the other backend open. */
  @Override
  public void close() {}
}
