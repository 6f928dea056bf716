/**
 * A step of Adam. Fill the method and run `./jresnet exercise adam` again.
 *
 * <p>For every parameter by itself, in this order:
 *
 * <pre>
 *   m = beta1 * m + (1 - beta1) * g
 *   v = beta2 * v + (1 - beta2) * g^2
 *   p = p - rate * mhat / (sqrt(vhat) + eps)      with mhat = m / (1 - beta1^t) and vhat = v / (1 - beta2^t)
 * </pre>
 *
 * The formula is derived in docs/derivations/adam.md, the lesson is docs/course/05-adam.md.
 */
public class Adam {
  /**
   * Changes p, m and v in place.
   *
   * @param p parameters
   * @param g their gradients
   * @param m running mean of the gradients, 0 before the first step
   * @param v running mean of their squares, 0 before the first step
   * @param t number of this step, from 1
   * @param rate learning rate
   * @param beta1 share of the old m
   * @param beta2 share of the old v
   * @param eps keeps the divisor away from 0
   */
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
    throw new UnsupportedOperationException("TODO");
  }
}
