/** A solution of the exercise norm. */
public class Norm {
  static double[][][][] train(
      double[][][][] x,
      double[] gamma,
      double[] beta,
      double[] runningMean,
      double[] runningVar,
      double momentum,
      double eps) {
    int channels = gamma.length;
    double m = x.length * x[0].length * x[0][0].length;
    double[] mean = new double[channels];
    double[] var = new double[channels];
    for (double[][][] image : x) {
      for (double[][] row : image) {
        for (double[] pixel : row) {
          for (int c = 0; c < channels; c++) {
            mean[c] += pixel[c] / m;
          }
        }
      }
    }
    for (double[][][] image : x) {
      for (double[][] row : image) {
        for (double[] pixel : row) {
          for (int c = 0; c < channels; c++) {
            var[c] += (pixel[c] - mean[c]) * (pixel[c] - mean[c]) / m;
          }
        }
      }
    }
    for (int c = 0; c < channels; c++) {
      runningMean[c] = (1 - momentum) * runningMean[c] + momentum * mean[c];
      runningVar[c] = (1 - momentum) * runningVar[c] + momentum * var[c] * m / (m - 1);
    }
    return normalise(x, gamma, beta, mean, var, eps);
  }

  static double[][][][] infer(
      double[][][][] x,
      double[] gamma,
      double[] beta,
      double[] runningMean,
      double[] runningVar,
      double eps) {
    return normalise(x, gamma, beta, runningMean, runningVar, eps);
  }

  private static double[][][][] normalise(
      double[][][][] x, double[] gamma, double[] beta, double[] mean, double[] var, double eps) {
    double[][][][] y = new double[x.length][x[0].length][x[0][0].length][gamma.length];
    for (int n = 0; n < x.length; n++) {
      for (int h = 0; h < x[0].length; h++) {
        for (int w = 0; w < x[0][0].length; w++) {
          for (int c = 0; c < gamma.length; c++) {
            y[n][h][w][c] =
                gamma[c] * (x[n][h][w][c] - mean[c]) / Math.sqrt(var[c] + eps) + beta[c];
          }
        }
      }
    }
    return y;
  }
}
