package org.jresnet.backend.reference;

import java.util.List;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.UpdateRule;
import org.jresnet.backend.reference.ReferenceBuffer.View;

/**
 * The update rules in torch's order of operations, with g = scale·gradient, rate η, decay λ, and t
 * the number of the step, from 1:
 *
 * <pre>
 *   Adam    g = g + λp
 *   AdamW   p = p·(1 − ηλ)
 *   both    m = m + (1−β₁)(g − m)     v = β₂v + (1−β₂)g²
 *           p = p − η/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + eps)
 *
 *   SGD     g = g + λp     m = μm + g     p = p − ηm
 * </pre>
 *
 * Sources: <a href="https://arxiv.org/abs/1412.6980">arXiv:1412.6980</a> (Adam), <a
 * href="https://arxiv.org/abs/1711.05101">arXiv:1711.05101</a> (AdamW), and the torch pages named
 * in {@link UpdateRule}. SGD's m starts at zero, so the first step has m = g, as torch's has.
 */
final class ReferenceOptimizer implements Optimizer {
  private final UpdateRule rule;
  private final View p;
  private final View g;
  private final List<View> states;

  ReferenceOptimizer(UpdateRule rule, Tensor parameters, Tensor gradients, List<Tensor> states) {
    if (states.size() != rule.states()) {
      throw new IllegalArgumentException(
          rule + " has " + rule.states() + " states, found " + states.size());
    }
    this.rule = rule;
    p = new View(parameters);
    g = new View(gradients);
    this.states = states.stream().map(View::new).toList();
  }

  @Override
  public double gradientNorm(List<Range> ranges) {
    double sum = 0;
    for (Range range : ranges) {
      for (int i = first(range); i < end(range); i++) {
        sum += g.get(i) * g.get(i);
      }
    }
    return Math.sqrt(sum);
  }

  @Override
  public void step(List<Range> ranges, double rate, long t, double scale) {
    for (Range range : ranges) {
      if (rule instanceof UpdateRule.Adam a) {
        for (int i = first(range); i < end(range); i++) {
          adam(i, scale * g.get(i) + a.weightDecay() * p.get(i), rate, t, a);
        }
      } else if (rule instanceof UpdateRule.AdamW w) {
        UpdateRule.Adam a = new UpdateRule.Adam(w.beta1(), w.beta2(), w.eps(), 0);
        for (int i = first(range); i < end(range); i++) {
          p.set(i, p.get(i) * (1 - rate * w.weightDecay()));
          adam(i, scale * g.get(i), rate, t, a);
        }
      } else if (rule instanceof UpdateRule.Sgd s) {
        for (int i = first(range); i < end(range); i++) {
          sgd(i, scale * g.get(i) + s.weightDecay() * p.get(i), rate, s);
        }
      }
    }
  }

  private void adam(int i, double gradient, double rate, long t, UpdateRule.Adam a) {
    View m = states.get(0);
    View v = states.get(1);
    m.add(i, (1 - a.beta1()) * (gradient - m.get(i)));
    v.set(i, a.beta2() * v.get(i) + (1 - a.beta2()) * gradient * gradient);
    double root = Math.sqrt(v.get(i)) / Math.sqrt(1 - Math.pow(a.beta2(), t));
    p.add(i, -rate / (1 - Math.pow(a.beta1(), t)) * m.get(i) / (root + a.eps()));
  }

  private void sgd(int i, double gradient, double rate, UpdateRule.Sgd s) {
    View m = states.get(0);
    m.set(i, s.momentum() * m.get(i) + gradient);
    p.add(i, -rate * m.get(i));
  }

  private static int first(Range range) {
    return Math.toIntExact(range.first());
  }

  private static int end(Range range) {
    return Math.toIntExact(range.first() + range.count());
  }

  @Override
  public void accumulate(Tensor target, Tensor source, GradientWrite policy) {
    View into = new View(target);
    View from = new View(source);
    for (int i = 0; i < into.length; i++) {
      into.set(i, policy == GradientWrite.ACCUMULATE ? into.get(i) + from.get(i) : from.get(i));
    }
  }

  @Override
  public void close() {}
}
