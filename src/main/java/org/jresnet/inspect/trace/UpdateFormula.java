package org.jresnet.inspect.trace;

import org.jresnet.inspect.Recording;
import org.jresnet.train.TrainOptions.OptimizerOptions;

/** The optimizer at one weight: {@code backend.reference.ReferenceOptimizer} has the formulas. */
final class UpdateFormula {
  private static final String FILE = "ReferenceOptimizer.java";

  private final RecordedStep step;
  private final String parameter;
  private final int[] at;

  UpdateFormula(RecordedStep step, String parameter, int[] at) {
    this.step = step;
    this.parameter = parameter;
    this.at = at;
  }

  /** The weight after the step. */
  Terms terms() {
    OptimizerOptions o = step.recording().facts().optimizer();
    double p = step.value(Recording.parameter(parameter), at);
    double g = step.value(Recording.parameterGradient(parameter), at);
    return switch (o.kind()) {
      case SGD -> sgd(o, p, g);
      case ADAM -> adam(o, p, g, g + o.weightDecay() * p, 1);
      case ADAMW -> adam(o, p, g, g, 1 - o.learningRate() * o.weightDecay());
    };
  }

  private double before(int index) {
    String moment = Recording.momentBefore(index, parameter);
    return step.recording().has(moment) ? step.value(moment, at) : 0;
  }

  private Terms sgd(OptimizerOptions o, double p, double gradient) {
    double g = gradient + o.weightDecay() * p;
    double m = o.momentum() * before(1) + g;
    return new Terms(
            "g = g + λp     m = μm + g     p = p − ηm", FILE, "p.add(i, -rate * m.get(i));")
        .note("g, the gradient", gradient)
        .note("λ, weight decay", o.weightDecay())
        .note("g with weight decay", g)
        .note("μ, momentum", o.momentum())
        .note("m before", before(1))
        .note("m", m)
        .note("m recorded", step.value(Recording.moment(1, parameter), at))
        .note("η, learning rate", o.learningRate())
        .add("p", p)
        .add("−η·m", -o.learningRate(), m);
  }

  private Terms adam(OptimizerOptions o, double p, double gradient, double g, double shrink) {
    long t = step.recording().facts().step();
    double m = before(1) + (1 - o.beta1()) * (g - before(1));
    double v = o.beta2() * before(2) + (1 - o.beta2()) * g * g;
    double first = 1 - Math.pow(o.beta1(), t);
    double second = 1 - Math.pow(o.beta2(), t);
    double root = Math.sqrt(v) / Math.sqrt(second);
    return new Terms(
            "m = m + (1−β₁)(g − m)     v = β₂v + (1−β₂)g²     p = p − η/(1−β₁ᵗ) · m /"
                + " (√v/√(1−β₂ᵗ) + eps)",
            FILE,
            "p.add(i, -rate / (1 - Math.pow(a.beta1(), t))")
        .note("t, the number of the step", t)
        .note("g, the gradient", gradient)
        .note("λ, weight decay", o.weightDecay())
        .note("g as Adam takes it", g)
        .note("β₁", o.beta1())
        .note("m before", before(1))
        .note("m", m)
        .note("m recorded", step.value(Recording.moment(1, parameter), at))
        .note("β₂", o.beta2())
        .note("v before", before(2))
        .note("v", v)
        .note("v recorded", step.value(Recording.moment(2, parameter), at))
        .note("1−β₁ᵗ, bias correction of m", first)
        .note("1−β₂ᵗ, bias correction of v", second)
        .note("m/(1−β₁ᵗ)", m / first)
        .note("√v/√(1−β₂ᵗ)", root)
        .note("eps", o.eps())
        .note("η, learning rate", o.learningRate())
        .add(shrink == 1 ? "p" : "p·(1−ηλ)", p, shrink)
        .add(
            "−η·m/(1−β₁ᵗ)/(√v/√(1−β₂ᵗ) + eps)", -o.learningRate(), m / first, 1 / (root + o.eps()));
  }
}
