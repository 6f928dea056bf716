/** A solution of the exercise metrics. */
public class Metrics {
  static double auc(double[] scores, boolean[] positive) {
    double won = 0;
    double pairs = 0;
    for (int i = 0; i < scores.length; i++) {
      for (int j = 0; j < scores.length; j++) {
        if (positive[i] && !positive[j]) {
          pairs++;
          if (scores[i] > scores[j]) {
            won++;
          } else if (scores[i] == scores[j]) {
            won += 0.5;
          }
        }
      }
    }
    return won / pairs;
  }

  static double calibrationError(double[] confidence, boolean[] correct, int bins) {
    double[] gap = new double[bins];
    for (int i = 0; i < confidence.length; i++) {
      int bin = Math.min(bins, (int) Math.ceil(confidence[i] * bins)) - 1;
      gap[bin] += confidence[i] - (correct[i] ? 1 : 0);
    }
    double error = 0;
    for (double g : gap) {
      error += Math.abs(g) / confidence.length;
    }
    return error;
  }
}
