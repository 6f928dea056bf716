package org.jresnet.inspect.exercise;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operand;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Phase;
import org.jresnet.check.OpRun;
import org.jresnet.graph.Slot;

/** An op that the trusted side computes first, and then the learner, whose values stay. */
final class SwappedOp implements BoundOp {
  private final String name;
  private final OpSpec spec;
  private final List<Operand> declared;
  private final Operands operands;
  private final Swap swap;
  private final Trial trial;
  private final BoundOp trusted;

  SwappedOp(String name, OpPlan plan, Operands operands, Swap swap, Trial trial) {
    this.name = name;
    this.operands = operands;
    this.swap = swap;
    this.trial = trial;
    spec = plan.spec();
    declared = plan.operands();
    trusted = plan.bind(operands);
  }

  @Override
  public void prepare() {
    trusted.prepare();
  }

  @Override
  public void forward() {
    run(Phase.FORWARD, trusted::forward);
  }

  @Override
  public void backward() {
    run(Phase.BACKWARD, trusted::backward);
  }

  @Override
  public void finish() {
    trusted.finish();
  }

  private void run(Phase phase, Runnable body) {
    Map<Slot, double[]> before = new TreeMap<>();
    Map<Slot, double[]> after = new TreeMap<>();
    Map<Slot, double[]> shares = new TreeMap<>();
    for (Operand o : declared) {
      if (o.reads().contains(phase) && o.slot().kind() != Slot.Kind.EXTRA) {
        before.put(o.slot(), read(o.slot()));
      }
      if (spec.write(o.slot()) == GradientWrite.ACCUMULATE && phase == Phase.BACKWARD) {
        // Others have put their share there: take it away, so that the op's own is seen.
        shares.put(o.slot(), before.get(o.slot()));
        write(o.slot(), new double[Math.toIntExact(o.elements())]);
      }
    }
    long start = System.nanoTime();
    body.run();
    long took = System.nanoTime() - start;
    for (Operand o : declared) {
      if (o.writes().contains(phase) && o.slot().kind() != Slot.Kind.EXTRA) {
        after.put(o.slot(), read(o.slot()));
      }
    }
    Map<Slot, double[]> results = new TreeMap<>(after);
    List<Swap.OpCall> calls = swap.calls(new Swap.Work(name, spec, phase, before, after));
    trial.addTrusted(calls.isEmpty() ? 0 : took);
    for (Swap.OpCall call : calls) {
      List<double[]> found = trial.call(call.call());
      for (int i = 0; i < found.size(); i++) {
        results.put(call.slots().get(i), found.get(i));
      }
    }
    shares.forEach(
        (slot, share) -> {
          for (int i = 0; i < share.length; i++) {
            results.get(slot)[i] += share[i];
          }
        });
    results.forEach(this::write);
  }

  private double[] read(Slot slot) {
    return OpRun.read(operands.get(slot));
  }

  private void write(Slot slot, double[] values) {
    OpRun.write(operands.get(slot), values);
  }

  @Override
  public void close() {
    trusted.close();
  }
}
