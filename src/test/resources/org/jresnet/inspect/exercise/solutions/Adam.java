/** A solution of the exercise adam. */
public class Adam {
  static void step(
      double[] p,
      double[] g,
      double[] m,
      double[] v,
      long t,
      double rate,
      double beta1,
      double beta2,
      double eps) {
    for (int i = 0; i < p.length; i++) {
      m[i] = beta1 * m[i] + (1 - beta1) * g[i];
      v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
      double mhat = m[i] / (1 - Math.pow(beta1, t));
      double vhat = v[i] / (1 - Math.pow(beta2, t));
      p[i] -= rate * mhat / (Math.sqrt(vhat) + eps);
    }
  }
}
