package org.jresnet.backend.reference;

import java.util.List;
import org.jresnet.backend.Grad;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.Updater;
import org.jresnet.backend.reference.ReferenceBuffer.View;

/**
 * The update rules, with g = scale·gradient:
 *
 * <pre>
 *   Adam    g += λp                m = β₁m + (1−β₁)g     v = β₂v + (1−β₂)g²
 *   AdamW   p −= rate·λ·p          m, v as Adam's
 *           both                   p −= rate/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + eps)
 *   SGD     g += λp                m = μm + g            p −= rate·m
 * </pre>
 *
 * Sources: <a href="https://arxiv.org/abs/1412.6980">arXiv:1412.6980</a>, <a
 * href="https://arxiv.org/abs/1711.05101">arXiv:1711.05101</a>, and the torch pages named in {@link
 * Optimizer}.
 */
final class ReferenceUpdater implements Updater {
  private final Optimizer optimizer;
  private final View p;
  private final View g;
  private final List<View> states;

  ReferenceUpdater(Optimizer optimizer, Tensor parameters, Tensor gradients, List<Tensor> states) {
    this.optimizer = optimizer;
    p = new View(parameters);
    g = new View(gradients);
    this.states = states.stream().map(View::new).toList();
  }

  @Override
  public double gradientNorm(List<Range> ranges) {
    double sum = 0;
    for (Range range : ranges) {
      for (int i = (int) range.first(); i < range.first() + range.count(); i++) {
        sum += g.get(i) * g.get(i);
      }
    }
    return Math.sqrt(sum);
  }

  @Override
  public void step(List<Range> ranges, double rate, long step, double scale) {
    for (Range range : ranges) {
      for (int i = (int) range.first(); i < range.first() + range.count(); i++) {
        if (optimizer instanceof Optimizer.Adam a) {
          adam(i, scale * g.get(i) + a.weightDecay() * p.get(i), rate, step, a);
        } else if (optimizer instanceof Optimizer.AdamW w) {
          p.set(i, p.get(i) - rate * w.weightDecay() * p.get(i));
          adam(
              i,
              scale * g.get(i),
              rate,
              step,
              new Optimizer.Adam(w.beta1(), w.beta2(), w.eps(), 0));
        } else if (optimizer instanceof Optimizer.Sgd s) {
          View m = states.get(0);
          m.set(i, s.momentum() * m.get(i) + scale * g.get(i) + s.weightDecay() * p.get(i));
          p.set(i, p.get(i) - rate * m.get(i));
        }
      }
    }
  }

  private void adam(int i, double gradient, double rate, long t, Optimizer.Adam a) {
    View m = states.get(0);
    View v = states.get(1);
    m.set(i, a.beta1() * m.get(i) + (1 - a.beta1()) * gradient);
    v.set(i, a.beta2() * v.get(i) + (1 - a.beta2()) * gradient * gradient);
    double root = Math.sqrt(v.get(i)) / Math.sqrt(1 - Math.pow(a.beta2(), t));
    p.set(i, p.get(i) - rate / (1 - Math.pow(a.beta1(), t)) * m.get(i) / (root + a.eps()));
  }

  @Override
  public void accumulate(Tensor target, Tensor source, Grad policy) {
    View into = new View(target);
    View from = new View(source);
    for (int i = 0; i < into.length; i++) {
      into.set(i, from.get(i) + (policy == Grad.ACCUMULATE ? into.get(i) : 0));
    }
  }

  @Override
  public void close() {}
}
