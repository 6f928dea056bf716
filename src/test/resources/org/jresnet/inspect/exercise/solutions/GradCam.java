/** A solution of the exercise gradcam. */
public class GradCam {
  static double[][] map(double[][][] features, double[][][] gradients) {
    int rows = features.length;
    int columns = features[0].length;
    double[] weights = new double[features[0][0].length];
    for (double[][] row : gradients) {
      for (double[] place : row) {
        for (int k = 0; k < weights.length; k++) {
          weights[k] += place[k] / (rows * columns);
        }
      }
    }
    double[][] map = new double[rows][columns];
    for (int h = 0; h < rows; h++) {
      for (int w = 0; w < columns; w++) {
        double sum = 0;
        for (int k = 0; k < weights.length; k++) {
          sum += weights[k] * features[h][w][k];
        }
        map[h][w] = Math.max(0, sum);
      }
    }
    return map;
  }
}
