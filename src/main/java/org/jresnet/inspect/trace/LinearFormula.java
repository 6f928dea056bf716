package org.jresnet.inspect.trace;

import org.jresnet.graph.Node;
import org.jresnet.graph.Op;
import org.jresnet.graph.Parameter;

/** Matrix product with bias: {@code backend.reference.LinearOp}. */
record LinearFormula(RecordedStep step, Node node, Op.Linear linear) implements Formula {
  private static final String FILE = "LinearOp.java";

  @Override
  public Terms forward(int[] at) {
    float[] x = step.output(step.input(node, 0));
    float[] w = step.parameter(node, "weight");
    int k = at[3];
    Terms terms =
        new Terms(
            "y[n,k] = Σ_c x[n,c]·w[k,c] + b[k]",
            FILE,
            "sum += x.get(n * c + j) * w.get(i * c + j);");
    for (int c = 0; c < linear.c(); c++) {
      terms.add(
          Formula.label("x", at[0], c) + "·" + Formula.label("w", k, c),
          x[at[0] * linear.c() + c],
          w[k * linear.c() + c]);
    }
    return terms.add(Formula.label("b", k), step.parameter(node, "bias")[k]);
  }

  @Override
  public Terms backward(int input, int[] at) {
    float[] dy = step.gradient(node);
    float[] w = step.parameter(node, "weight");
    Terms terms =
        new Terms(
            "dx[n,c] = Σ_k dy[n,k]·w[k,c]",
            FILE,
            "dx.add(n * c + j, dy.get(n * k + i) * w.get(i * c + j));");
    for (int k = 0; k < linear.k(); k++) {
      terms.add(
          Formula.label("dy", at[0], k) + "·" + Formula.label("w", k, at[3]),
          dy[at[0] * linear.k() + k],
          w[k * linear.c() + at[3]]);
    }
    return terms;
  }

  @Override
  public Terms parameter(Parameter parameter, int[] at) {
    boolean weight = parameter.role() == Parameter.Role.LINEAR_WEIGHT;
    float[] dy = step.gradient(node);
    float[] x = step.output(step.input(node, 0));
    Terms terms =
        weight
            ? new Terms(
                "dw[k,c] = Σ_n dy[n,k]·x[n,c]",
                FILE,
                "dw.add(i * c + j, dy.get(n * k + i) * x.get(n * c + j));")
            : new Terms("db[k] = Σ_n dy[n,k]", FILE, "db.add(i, dy.get(n * k + i));");
    int k = at[0];
    for (int n = 0; n < step.shape(node).n(); n++) {
      double g = dy[n * linear.k() + k];
      if (weight) {
        terms.add(
            Formula.label("dy", n, k) + "·" + Formula.label("x", n, at[1]),
            g,
            x[n * linear.c() + at[1]]);
      } else {
        terms.add(Formula.label("dy", n, k), g);
      }
    }
    return terms;
  }
}
