/**
 * Backward through a convolution and a batch norm: with add and relu of the exercise residual, all
 * that a residual block needs. Fill the methods and run `./jresnet exercise backward` again.
 *
 * <pre>
 *   forward     y[n][p][q][k] = sum over c, r, s of  x[n][h][w][c] * w[k][c][r][s]
 *               with h = p*stride + r - padding and w = q*stride + s - padding
 *   convDx      dx[n][h][w][c] collects  dy[n][p][q][k] * w[k][c][r][s]  of every term that reads it
 *   convDw      dw[k][c][r][s] collects  dy[n][p][q][k] * x[n][h][w][c]  of every term that reads it
 *
 *   normDx      dx = gamma / sqrt(var + eps) * (dy - sum(dy)/m - xhat * sum(dy*xhat)/m)
 * </pre>
 *
 * with the mean and the biased variance of the m = n*h*w values of a channel, and xhat = (x - mean)
 * / sqrt(var + eps). The formulas are derived in docs/derivations/conv.md and
 * docs/derivations/batch-norm.md, the lesson is docs/course/04-backward.md.
 */
public class Backward {
  /**
   * The gradient of the convolution's input.
   *
   * @param dy gradient of the output: n images, p rows, q columns, k channels
   * @param w filters: k of them, channels, rows, columns
   * @param height rows of the input
   * @param width columns of the input
   * @return dx: n images, height rows, width columns, c channels
   */
  static double[][][][] convDx(
      double[][][][] dy, double[][][][] w, int stride, int padding, int height, int width) {
    throw new UnsupportedOperationException("TODO");
  }

  /**
   * The gradient of the filters.
   *
   * @param x input: n images, rows, columns, c channels
   * @param dy gradient of the output
   * @param size rows of a filter, and columns
   * @return dw: k filters, c channels, size rows, size columns
   */
  static double[][][][] convDw(
      double[][][][] x, double[][][][] dy, int stride, int padding, int size) {
    throw new UnsupportedOperationException("TODO");
  }

  /** The gradient of the batch norm's input, in training. */
  static double[][][][] normDx(double[][][][] x, double[][][][] dy, double[] gamma, double eps) {
    throw new UnsupportedOperationException("TODO");
  }
}
