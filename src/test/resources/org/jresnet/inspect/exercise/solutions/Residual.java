/** A solution of the exercise residual. */
public class Residual {
  private interface Pair {
    double of(double a, double b);
  }

  private static double[][][][] each(double[][][][] a, double[][][][] b, Pair pair) {
    double[][][][] all = new double[a.length][a[0].length][a[0][0].length][a[0][0][0].length];
    for (int n = 0; n < a.length; n++) {
      for (int h = 0; h < a[0].length; h++) {
        for (int w = 0; w < a[0][0].length; w++) {
          for (int c = 0; c < a[0][0][0].length; c++) {
            all[n][h][w][c] = pair.of(a[n][h][w][c], b[n][h][w][c]);
          }
        }
      }
    }
    return all;
  }

  static double[][][][] add(double[][][][] branch, double[][][][] shortcut) {
    return each(branch, shortcut, (a, b) -> a + b);
  }

  static double[][][][] dbranch(double[][][][] dy) {
    return dy;
  }

  static double[][][][] dshortcut(double[][][][] dy) {
    return dy;
  }

  static double[][][][] relu(double[][][][] x) {
    return each(x, x, (a, b) -> Math.max(a, 0));
  }

  static double[][][][] drelu(double[][][][] y, double[][][][] dy) {
    return each(y, dy, (out, d) -> out > 0 ? d : 0);
  }
}
