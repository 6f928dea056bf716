package org.jresnet.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.LongToDoubleFunction;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.LossScale;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Optimizer.Range;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.UpdateReport;
import org.jresnet.backend.UpdateRule;
import org.jresnet.backend.Updates;
import org.jresnet.graph.Parameter;

/**
 * A model's optimizer: its rule, the state arenas (Adam's m and v), and the number of steps done.
 */
public final class OptimizerState implements AutoCloseable {
  private final Model model;
  private final UpdateRule rule;
  private final List<Tensor> states = new ArrayList<>();
  private final List<Range> ranges;
  private final Optimizer optimizer;
  private Tensor accumulated;
  private Updates updates;
  private long steps;

  /** Fresh state for all parameters that are not named in {@code frozen}. */
  public OptimizerState(Model model, UpdateRule rule, Set<String> frozen) {
    this.model = model;
    this.rule = rule;
    this.ranges = ranges(model, frozen);
    for (int i = 0; i < rule.states(); i++) {
      states.add(model.arena("optimizer state", model.parameters().elements()));
    }
    optimizer = model.backend().optimizer(rule, model.parameters(), model.gradients(), states);
  }

  /** Neighbouring parameters make one range. */
  private static List<Range> ranges(Model model, Set<String> frozen) {
    List<Range> ranges = new ArrayList<>();
    boolean open = false;
    for (Parameter p : model.graph().parameters()) {
      if (!p.role().trainable()) {
        continue;
      }
      if (frozen.contains(p.name())) {
        open = false;
        continue;
      }
      Range own = model.range(p.name());
      if (open) {
        Range last = ranges.remove(ranges.size() - 1);
        ranges.add(new Range(last.first(), own.first() + own.count() - last.first()));
      } else {
        ranges.add(own);
      }
      open = true;
    }
    return List.copyOf(ranges);
  }

  /** The rule. */
  public UpdateRule rule() {
    return rule;
  }

  /**
   * Norm of the gradient over all parameters that are not frozen; not finite if any gradient is
   * not.
   */
  public double gradientNorm() {
    return optimizer.gradientNorm(ranges);
  }

  /**
   * One update of the parameters.
   *
   * @param learningRate of this step
   * @param gradientScale factor on the gradients
   */
  public void step(double learningRate, double gradientScale) {
    steps++;
    optimizer.step(ranges, learningRate, steps, gradientScale);
  }

  /**
   * Lets the gradients decide about the updates that follow, which are then asked for with {@link
   * #update}; the loss scale is theirs from here on.
   *
   * @param clip largest norm of the gradients; 0 for none
   */
  public void decideBy(double clip, LossScale scale) {
    if (updates != null) {
      throw new IllegalStateException("the updates of this optimizer are decided already");
    }
    model.setGradientScale(scale.factor());
    updates = optimizer.updates(clip, scale, steps, model.gradientScale());
  }

  /**
   * Asks for an update without waiting for it, after {@link #decideBy}.
   *
   * @param rate learning rate by the number of updates made before
   * @param batches whose gradients {@link #accumulate} added up; the update takes their mean
   * @return number of the update for {@link #report}
   */
  public long update(LongToDoubleFunction rate, int batches) {
    return updates.send(ranges, rate, batches);
  }

  /** Waits for one of the last two updates and says what became of it; see {@link Updates}. */
  public UpdateReport report(long update) {
    UpdateReport report = updates.report(update);
    steps = Math.max(steps, report.steps());
    return report;
  }

  /**
   * Keeps the model's gradients of the last micro-batch: the first of a group starts a new sum, the
   * last one puts the sum back into the model's gradients.
   */
  public void accumulate(int micro, int of) {
    if (of == 1) {
      return;
    }
    if (accumulated == null) {
      accumulated = model.arena("accumulated gradients", model.parameters().elements());
    }
    if (micro < of - 1) {
      optimizer.accumulate(
          accumulated,
          model.gradients(),
          micro == 0 ? GradientWrite.OVERWRITE : GradientWrite.ACCUMULATE);
    } else {
      optimizer.accumulate(model.gradients(), accumulated, GradientWrite.ACCUMULATE);
    }
  }

  /** Steps done so far, as far as {@link #report} has told. */
  public long steps() {
    return steps;
  }

  /** Continues counting after a resume. */
  public void setSteps(long done) {
    steps = done;
  }

  /** The state arenas, each laid out as the model's parameters. */
  List<Tensor> arenas() {
    return List.copyOf(states);
  }

  /** View of state {@code index} (Adam: 0 = m, 1 = v) of one parameter. */
  public Tensor state(int index, String parameter) {
    Range range = model.range(parameter);
    return states.get(index).slice(range.first(), range.count());
  }

  @Override
  public void close() {
    if (updates != null) {
      updates.close();
    }
    optimizer.close();
    states.forEach(s -> s.buffer().close());
    if (accumulated != null) {
      accumulated.buffer().close();
    }
  }
}
