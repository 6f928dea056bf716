/** A solution of the exercise backward. */
public class Backward {
  static double[][][][] convDx(
      double[][][][] dy, double[][][][] w, int stride, int padding, int height, int width) {
    double[][][][] dx = new double[dy.length][height][width][w[0].length];
    for (int n = 0; n < dy.length; n++) {
      for (int p = 0; p < dy[0].length; p++) {
        for (int q = 0; q < dy[0][0].length; q++) {
          for (int r = 0; r < w[0][0].length; r++) {
            for (int s = 0; s < w[0][0][0].length; s++) {
              int i = p * stride + r - padding;
              int j = q * stride + s - padding;
              if (i < 0 || i >= height || j < 0 || j >= width) {
                continue;
              }
              for (int k = 0; k < w.length; k++) {
                for (int c = 0; c < w[0].length; c++) {
                  dx[n][i][j][c] += dy[n][p][q][k] * w[k][c][r][s];
                }
              }
            }
          }
        }
      }
    }
    return dx;
  }

  static double[][][][] convDw(
      double[][][][] x, double[][][][] dy, int stride, int padding, int size) {
    double[][][][] dw = new double[dy[0][0][0].length][x[0][0][0].length][size][size];
    for (int n = 0; n < dy.length; n++) {
      for (int p = 0; p < dy[0].length; p++) {
        for (int q = 0; q < dy[0][0].length; q++) {
          for (int r = 0; r < size; r++) {
            for (int s = 0; s < size; s++) {
              int h = p * stride + r - padding;
              int w = q * stride + s - padding;
              if (h < 0 || h >= x[0].length || w < 0 || w >= x[0][0].length) {
                continue;
              }
              for (int k = 0; k < dw.length; k++) {
                for (int c = 0; c < dw[0].length; c++) {
                  dw[k][c][r][s] += dy[n][p][q][k] * x[n][h][w][c];
                }
              }
            }
          }
        }
      }
    }
    return dw;
  }

  static double[][][][] normDx(double[][][][] x, double[][][][] dy, double[] gamma, double eps) {
    double m = x.length * x[0].length * x[0][0].length;
    double[][][][] dx = new double[x.length][x[0].length][x[0][0].length][gamma.length];
    for (int c = 0; c < gamma.length; c++) {
      double mean = 0;
      for (double[][][] image : x) {
        for (double[][] row : image) {
          for (double[] pixel : row) {
            mean += pixel[c] / m;
          }
        }
      }
      double var = 0;
      for (double[][][] image : x) {
        for (double[][] row : image) {
          for (double[] pixel : row) {
            var += (pixel[c] - mean) * (pixel[c] - mean) / m;
          }
        }
      }
      double root = Math.sqrt(var + eps);
      double sum = 0;
      double withHat = 0;
      for (int n = 0; n < x.length; n++) {
        for (int h = 0; h < x[0].length; h++) {
          for (int w = 0; w < x[0][0].length; w++) {
            sum += dy[n][h][w][c];
            withHat += dy[n][h][w][c] * (x[n][h][w][c] - mean) / root;
          }
        }
      }
      for (int n = 0; n < x.length; n++) {
        for (int h = 0; h < x[0].length; h++) {
          for (int w = 0; w < x[0][0].length; w++) {
            double hat = (x[n][h][w][c] - mean) / root;
            dx[n][h][w][c] = gamma[c] / root * (dy[n][h][w][c] - sum / m - hat * withHat / m);
          }
        }
      }
    }
    return dx;
  }
}
