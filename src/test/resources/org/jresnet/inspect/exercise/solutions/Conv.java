/** A solution of the exercise conv. */
public class Conv {
  static double[][][][] forward(double[][][][] x, double[][][][] w, int stride, int padding) {
    int height = x[0].length;
    int width = x[0][0].length;
    int channels = w[0].length;
    int rows = w[0][0].length;
    int columns = w[0][0][0].length;
    int outRows = (height + 2 * padding - rows) / stride + 1;
    int outColumns = (width + 2 * padding - columns) / stride + 1;
    double[][][][] y = new double[x.length][outRows][outColumns][w.length];
    for (int n = 0; n < x.length; n++) {
      for (int p = 0; p < outRows; p++) {
        for (int q = 0; q < outColumns; q++) {
          for (int k = 0; k < w.length; k++) {
            for (int c = 0; c < channels; c++) {
              for (int r = 0; r < rows; r++) {
                for (int s = 0; s < columns; s++) {
                  int i = p * stride + r - padding;
                  int j = q * stride + s - padding;
                  if (i >= 0 && i < height && j >= 0 && j < width) {
                    y[n][p][q][k] += x[n][i][j][c] * w[k][c][r][s];
                  }
                }
              }
            }
          }
        }
      }
    }
    return y;
  }
}
