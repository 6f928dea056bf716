package org.jresnet.inspect.trace;

import org.jresnet.graph.Node;
import org.jresnet.graph.Op;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Shape;
import org.jresnet.inspect.Recording;

/** Batch normalisation: {@code backend.reference.NormOp} has the formulas. */
final class NormFormula implements Formula {
  private static final String FILE = "NormOp.java";

  private final RecordedStep step;
  private final Node node;
  private final Op.BatchNorm norm;
  private final Shape shape;
  private final boolean batch;

  NormFormula(RecordedStep step, Node node, Op.BatchNorm norm) {
    this.step = step;
    this.node = node;
    this.norm = norm;
    shape = step.shape(node);
    batch = step.recording().has(Recording.batchMean(node.name()));
  }

  private double mean(int c) {
    return batch
        ? step.values(Recording.batchMean(node.name()))[c]
        : step.values(Recording.statisticBefore(node.name() + ".running_mean"))[c];
  }

  private double variance(int c) {
    return batch
        ? step.values(Recording.batchVariance(node.name()))[c]
        : step.values(Recording.statisticBefore(node.name() + ".running_var"))[c];
  }

  private double scale(int c) {
    return 1 / Math.sqrt(variance(c) + norm.eps());
  }

  private Terms start(String formula, String statement, int c) {
    String of = batch ? " of the batch" : " of the run so far";
    return new Terms(formula, FILE, statement)
        .note("mean" + of, mean(c))
        .note("var" + of, variance(c))
        .note("eps", norm.eps())
        .note("1/√(var+eps)", scale(c));
  }

  @Override
  public Terms forward(int[] at) {
    int c = at[3];
    double x = step.output(step.input(node, 0))[shape.at(at[0], at[1], at[2], c)];
    double hat = (x - mean(c)) * scale(c);
    return start(
            "y = gamma·x̂ + beta   with x̂ = (x−mean)/√(var+eps)",
            "double v = gamma.get(c) * ((x.get(i) - mean) * scale) + beta.get(c);",
            c)
        .note(Formula.label("x", at), x)
        .note("x̂", hat)
        .add(Formula.label("gamma", c) + "·x̂", step.parameter(node, "weight")[c], hat)
        .add(Formula.label("beta", c), step.parameter(node, "bias")[c]);
  }

  @Override
  public Terms backward(int input, int[] at) {
    int c = at[3];
    float[] x = step.output(step.input(node, 0));
    float[] dy = step.gradient(node);
    int index = shape.at(at[0], at[1], at[2], c);
    double gamma = step.parameter(node, "weight")[c];
    double scale = scale(c);
    double factor = gamma * scale;
    if (!batch) {
      return start("dx = gamma/√(var+eps) · dy", "double centred =", c)
          .note(Formula.label("gamma", c), gamma)
          .add(Formula.label("dy", at) + "·gamma/√(var+eps)", dy[index], factor);
    }
    double m = shape.perChannel();
    double hat = (x[index] - mean(c)) * scale;
    double dbeta = 0;
    double dgamma = 0;
    for (int i = c; i < x.length; i += shape.c()) {
      dbeta += dy[i];
      dgamma += dy[i] * ((x[i] - mean(c)) * scale);
    }
    return start("dx = gamma/√(var+eps) · (dy − dbeta/m − x̂·dgamma/m)", "double centred =", c)
        .note(Formula.label("x", at), x[index])
        .note("x̂", hat)
        .note("m, the values of the channel", m)
        .note(Formula.label("gamma", c), gamma)
        .note("dbeta", dbeta)
        .note("dgamma", dgamma)
        .add("gamma/√(var+eps)·" + Formula.label("dy", at), factor, dy[index])
        .add("−gamma/√(var+eps)·dbeta/m", -factor, dbeta / m)
        .add("−gamma/√(var+eps)·x̂·dgamma/m", -factor, hat, dgamma / m);
  }

  @Override
  public Terms parameter(Parameter parameter, int[] at) {
    int c = at[0];
    boolean gamma = parameter.role() == Parameter.Role.NORM_WEIGHT;
    float[] x = step.output(step.input(node, 0));
    float[] dy = step.gradient(node);
    Terms terms =
        gamma
            ? start("dgamma[c] = Σ dy·x̂", "dgamma += g * ((x.get(i) - mean) * scale);", c)
            : start("dbeta[c] = Σ dy", "dbeta += g;", c);
    double mean = mean(c);
    double scale = scale(c);
    shape.forEach(
        (n, h, w, k) -> {
          if (k == c) {
            int i = shape.at(n, h, w, c);
            String label = Formula.label("dy", n, h, w, c);
            if (gamma) {
              terms.add(label + "·x̂", dy[i], (x[i] - mean) * scale);
            } else {
              terms.add(label, dy[i]);
            }
          }
        });
    return terms;
  }
}
