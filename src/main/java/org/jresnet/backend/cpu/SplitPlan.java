package org.jresnet.backend.cpu;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.OpCall;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.base.Closing;

/** An op whose parts are computed by different implementations. */
final class SplitPlan implements OpPlan {
  private final OpSpec spec;
  private final List<Part> parts;
  private final List<OpPlan> plans;

  /**
   * Combines plans.
   *
   * @param plans one for each part; they are closed with this
   */
  SplitPlan(OpSpec spec, List<Part> parts, List<OpPlan> plans) {
    this.spec = spec;
    this.parts = parts;
    this.plans = plans;
  }

  @Override
  public OpSpec spec() {
    return spec;
  }

  @Override
  public String implementation() {
    return plans.stream().map(OpPlan::implementation).collect(Collectors.joining(" | "));
  }

  @Override
  public long savedBytes() {
    return 0;
  }

  @Override
  public long packedBytes() {
    return plans.get(0).packedBytes();
  }

  @Override
  public long scratchBytes() {
    return plans.stream().mapToLong(OpPlan::scratchBytes).max().orElseThrow();
  }

  @Override
  public BoundOp bind(Operands operands) {
    List<BoundOp> bound = new ArrayList<>();
    try {
      List<OpCall> calls = new ArrayList<>();
      for (int i = 0; i < plans.size(); i++) {
        bound.add(plans.get(i).bind(operands));
        Part part = parts.get(i);
        bound.get(i).calls().stream()
            .filter(call -> part.phases().contains(call.phase()))
            .forEach(calls::add);
      }
      return BoundOp.of(calls, bound);
    } catch (RuntimeException | Error e) {
      Closing.closeAll(bound);
      throw e;
    }
  }

  @Override
  public void close() {
    Closing.closeAll(plans);
  }
}
