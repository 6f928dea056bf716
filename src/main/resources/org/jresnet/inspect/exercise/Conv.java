/**
 * The forward convolution of a ResNet. Fill the method and run `./jresnet exercise conv` again.
 *
 * <pre>
 *   y[n][p][q][k] = sum over c, r, s of  x[n][p*stride + r - padding][q*stride + s - padding][c] * w[k][c][r][s]
 * </pre>
 *
 * A place outside of the image counts as 0. The formula is derived in docs/derivations/conv.md, the
 * lesson is docs/course/01-convolution.md.
 */
public class Conv {
  /**
   * Returns y.
   *
   * @param x images: n of them, rows, columns, channels
   * @param w filters: k of them, channels, rows, columns
   * @param stride rows, and columns, from one window to the next
   * @param padding rows of zeros that one imagines above and below the image, and columns at its
   *     sides
   * @return y: n images of floor((rows + 2*padding - filter rows) / stride) + 1 rows, likewise
   *     columns, k channels
   */
  static double[][][][] forward(double[][][][] x, double[][][][] w, int stride, int padding) {
    throw new UnsupportedOperationException("TODO");
  }
}
