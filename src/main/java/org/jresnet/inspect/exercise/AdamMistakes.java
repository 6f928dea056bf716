package org.jresnet.inspect.exercise;

import java.util.List;
import org.jresnet.backend.UpdateRule;
import org.jresnet.inspect.exercise.Call.Mistake;

/** What Adam gives when its formula is a little wrong. */
final class AdamMistakes {
  private final UpdateRule.Adam a;
  private final double rate;
  private final double ofMean;
  private final double ofSquares;
  private final double[] p;
  private final double[] g;
  private final List<double[]> before;
  private final double[] m;
  private final double[] v;

  /**
   * A step.
   *
   * @param before parameters, gradients, m, v
   * @param after the same, as they should be
   */
  AdamMistakes(
      UpdateRule.Adam a, double rate, long t, List<double[]> before, List<double[]> after) {
    this.a = a;
    this.rate = rate;
    this.before = before;
    ofMean = 1 - Math.pow(a.beta1(), t);
    ofSquares = 1 - Math.pow(a.beta2(), t);
    p = before.get(0);
    g = before.get(1);
    m = after.get(2);
    v = after.get(3);
  }

  /** A formula for element i. */
  private interface Formula {
    double of(int i);
  }

  private Mistake mistake(String result, Formula f, String hint) {
    double[] values = new double[p.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = f.of(i);
    }
    return new Mistake(result, values, hint);
  }

  List<Mistake> all() {
    double[] oldM = before.get(2);
    double[] oldV = before.get(3);
    return List.of(
        mistake("m", i -> oldM[i], "m is not changed in place"),
        mistake("v", i -> oldV[i], "v is not changed in place"),
        mistake("p", i -> p[i], "p is not changed in place"),
        mistake("m", i -> m[i] / ofMean, "m is stored corrected; only the update uses m corrected"),
        mistake(
            "v", i -> v[i] / ofSquares, "v is stored corrected; only the update uses v corrected"),
        mistake(
            "m",
            i -> (1 - a.beta1()) * oldM[i] + a.beta1() * g[i],
            "beta1 is the share of the old m, 1-beta1 that of the gradient"),
        mistake(
            "v",
            i -> (1 - a.beta2()) * oldV[i] + a.beta2() * g[i] * g[i],
            "beta2 is the share of the old v, 1-beta2 that of the squared gradient"),
        mistake(
            "v",
            i -> a.beta2() * oldV[i] + (1 - a.beta2()) * g[i],
            "v averages the squares of the gradient"),
        mistake(
            "p",
            i -> p[i] - rate * m[i] / (Math.sqrt(v[i]) + a.eps()),
            "the bias correction is missing: divide m by 1-beta1^t and v by 1-beta2^t"),
        mistake(
            "p",
            i -> p[i] - rate * m[i] / ofMean / (Math.sqrt(v[i]) + a.eps()),
            "v is not corrected: divide it by 1-beta2^t"),
        mistake(
            "p",
            i -> p[i] - rate * m[i] / (Math.sqrt(v[i] / ofSquares) + a.eps()),
            "m is not corrected: divide it by 1-beta1^t"),
        mistake(
            "p",
            i -> p[i] - rate * m[i] / ofMean / Math.sqrt(v[i] / ofSquares + a.eps()),
            "eps stands under the root; it is added to the root"),
        mistake(
            "p",
            i -> p[i] + rate * m[i] / ofMean / (Math.sqrt(v[i] / ofSquares) + a.eps()),
            "p goes uphill: subtract the update"));
  }
}
