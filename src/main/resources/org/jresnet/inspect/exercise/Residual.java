/**
 * The end of a residual block: y = relu(branch + shortcut), forward and backward, as two ops. Fill
 * the methods and run `./jresnet exercise residual` again.
 *
 * <p>A gradient is called d plus the tensor that it belongs to: dy is how much the loss grows when
 * y grows by 1. The formulas are derived in docs/derivations/relu-add.md, the lesson is
 * docs/course/03-why-residual.md.
 *
 * <p>All tensors are images, rows, columns, channels, and all results have that shape, too.
 */
public class Residual {
  /** branch + shortcut. */
  static double[][][][] add(double[][][][] branch, double[][][][] shortcut) {
    throw new UnsupportedOperationException("TODO");
  }

  /** The gradient of the branch, given that of the sum. */
  static double[][][][] dbranch(double[][][][] dy) {
    throw new UnsupportedOperationException("TODO");
  }

  /** The gradient of the shortcut, given that of the sum. */
  static double[][][][] dshortcut(double[][][][] dy) {
    throw new UnsupportedOperationException("TODO");
  }

  /** max(x, 0). */
  static double[][][][] relu(double[][][][] x) {
    throw new UnsupportedOperationException("TODO");
  }

  /**
   * The gradient of the ReLU's input; y is its output (the input is gone by then, and not needed).
   */
  static double[][][][] drelu(double[][][][] y, double[][][][] dy) {
    throw new UnsupportedOperationException("TODO");
  }
}
