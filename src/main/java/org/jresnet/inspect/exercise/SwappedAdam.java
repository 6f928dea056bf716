package org.jresnet.inspect.exercise;

import java.util.List;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.UpdateRule;
import org.jresnet.check.OpRun;

/** An optimizer that steps first as it should, and then as the learner's does, which stays. */
final class SwappedAdam implements Optimizer {
  private final Optimizer trusted;
  private final UpdateRule.Adam rule;
  private final List<Tensor> arenas;
  private final Trial trial;

  /**
   * Swaps the rule.
   *
   * @param arenas parameters, gradients, m, v
   */
  SwappedAdam(Optimizer trusted, UpdateRule.Adam rule, List<Tensor> arenas, Trial trial) {
    this.trusted = trusted;
    this.rule = rule;
    this.arenas = arenas;
    this.trial = trial;
  }

  @Override
  public void step(List<Range> ranges, double rate, long t, double scale) {
    if (scale != 1) {
      throw new IllegalArgumentException("an exercise does not scale gradients, found " + scale);
    }
    List<List<double[]>> before = ranges.stream().map(this::read).toList();
    long start = System.nanoTime();
    trusted.step(ranges, rate, t, scale);
    trial.addTrusted(System.nanoTime() - start);
    for (int i = 0; i < ranges.size(); i++) {
      List<double[]> after = read(ranges.get(i));
      List<double[]> found = trial.call(AdamExercise.call(rule, rate, t, before.get(i), after));
      write(ranges.get(i), 2, found.get(0));
      write(ranges.get(i), 3, found.get(1));
      write(ranges.get(i), 0, found.get(2));
    }
  }

  private List<double[]> read(Range range) {
    return arenas.stream().map(a -> OpRun.read(a.slice(range.first(), range.count()))).toList();
  }

  private void write(Range range, int arena, double[] values) {
    OpRun.write(arenas.get(arena).slice(range.first(), range.count()), values);
  }

  @Override
  public double gradientNorm(List<Range> ranges) {
    return trusted.gradientNorm(ranges);
  }

  @Override
  public void accumulate(Tensor target, Tensor source, GradientWrite policy) {
    trusted.accumulate(target, source, policy);
  }

  @Override
  public void close() {
    trusted.close();
  }
}
