package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.jresnet.backend.Optimizer.Range;
import org.jresnet.check.OpRun;
import org.jresnet.graph.DType;
import org.junit.jupiter.api.Test;

/** Updates that the backend itself decides about: clipped, left out, or the last. */
interface UpdatesContract extends BackendUnderTest {
  /** An optimizer whose updates the host decides. */
  record DecidedByHost(Optimizer steps) implements Optimizer {
    @Override
    public double gradientNorm(List<Range> ranges) {
      return steps.gradientNorm(ranges);
    }

    @Override
    public void step(List<Range> ranges, double rate, long step, double scale) {
      steps.step(ranges, rate, step, scale);
    }

    @Override
    public void accumulate(Tensor target, Tensor source, GradientWrite policy) {
      steps.accumulate(target, source, policy);
    }

    @Override
    public void close() {}
  }

  /** What became of some updates, and what they left. */
  record Decided(
      List<String> reports, List<Double> scales, double[] parameters, List<double[]> states) {}

  /** Gradients of one update after the other: plain, to be clipped, overflowing. */
  double[] FACTORS = {1, 1, 1e3, Double.POSITIVE_INFINITY, 1e-3, Double.NaN, 1, 1};

  private Decided decided(
      Precision precision,
      UpdateRule rule,
      LossScale.State scale,
      UnaryOperator<Optimizer> by,
      double[] factors) {
    int count = 5003;
    Random random = new Random(11);
    double[] start = random.doubles(count).map(v -> (float) v).toArray();
    List<Range> ranges = List.of(new Range(0, 2500), new Range(2600, 2403));
    List<String> reports = new ArrayList<>();
    List<Double> scales = new ArrayList<>();
    try (Arenas arenas = new Arenas(backend(), precision, rule, start);
        Buffer memory = backend().allocate("a test", Double.BYTES)) {
      Tensor gradientScale = new Tensor(memory, 0, DType.F64, 1);
      LossScale loss = new LossScale(Precision.FP16, scale);
      gradientScale.set(new float[] {(float) loss.factor()});
      try (Updates updates = by.apply(arenas.optimizer).updates(2, loss, 3, gradientScale)) {
        for (int i = 0; i < factors.length; i++) {
          double[] gradient = random.doubles(count, -1, 1).map(v -> (float) v).toArray();
          gradient[4000] *= factors[i];
          OpRun.write(arenas.gradients, gradient);
          long sent = updates.send(ranges, step -> 0.1 / (1 + step), 1 + i % 2);
          assertThat(sent).isEqualTo(i);
          if (i % 3 == 0) {
            reports.add(text(updates.report(i)));
          } else if (i % 3 == 2) {
            reports.add(text(updates.report(i - 1)));
            reports.add(text(updates.report(i)));
          }
          scales.add(OpRun.read(gradientScale)[0]);
        }
        if (factors.length % 3 == 2) {
          reports.add(text(updates.report(factors.length - 1)));
        }
      }
      assertThat(reports).hasSize(factors.length);
      return new Decided(
          reports,
          scales,
          OpRun.read(arenas.parameters),
          arenas.states.stream().map(OpRun::read).toList());
    }
  }

  private static String text(UpdateReport r) {
    return r.outcome() + " " + r.norm() + " " + r.steps() + " " + r.lossScale() + " " + r.element();
  }

  /** Overflow leaves steps out and halves the scale, the 2000th good step in a row doubles it. */
  @Test
  default void updatesAreDecidedAsTheHostWould() {
    // Parameters, gradients and states have the same type in all of them.
    Precision precision = precisions().get(0);
    require(precision);
    for (UpdateRule rule : Arenas.RULES) {
      LossScale.State start = new LossScale.State(8, 1998);
      Decided found = decided(precision, rule, start, o -> o, FACTORS);
      Decided expected = decided(precision, rule, start, DecidedByHost::new, FACTORS);
      assertThat(found.scales).containsExactly(8.0, 16.0, 16.0, 8.0, 8.0, 4.0, 4.0, 4.0);
      assertThat(found.reports).isEqualTo(expected.reports);
      assertThat(found.reports.get(3)).startsWith("SKIPPED").contains(" 6 ");
      assertThat(found.reports.get(7)).startsWith("UPDATED").contains(" 9 ");
      assertThat(found.parameters).isEqualTo(expected.parameters);
      for (int i = 0; i < found.states.size(); i++) {
        assertThat(found.states.get(i)).isEqualTo(expected.states.get(i));
      }
    }
  }

  /** At the scale 1 a gradient that is not finite ends the updates, whatever follows. */
  @Test
  default void nothingIsUpdatedAfterAGradientThatIsNotFinite() {
    Precision precision = precisions().get(0);
    require(precision);
    UpdateRule rule = new UpdateRule.Adam(0.9, 0.999, 1e-8, 0);
    LossScale.State one = new LossScale.State(1, 0);
    Decided before = decided(precision, rule, one, o -> o, new double[] {1, 1});
    Decided after = decided(precision, rule, one, o -> o, new double[] {1, 1, Double.NaN, 1, 1, 1});
    assertThat(after.reports.subList(0, 2))
        .isEqualTo(before.reports)
        .allMatch(r -> r.startsWith("UPDATED"));
    assertThat(after.reports.subList(2, 6))
        .allMatch(r -> r.startsWith("DIVERGED") && r.contains(" 5 "));
    // The host's updates leave it to their caller, whose gradients are still there.
    assertThat(after.reports.get(2)).endsWith(backend().asynchronous() ? " 4000" : " -1");
    assertThat(after.parameters).isEqualTo(before.parameters);
    assertThat(after.states.get(1)).isEqualTo(before.states.get(1));
  }
}
