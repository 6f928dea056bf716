package org.jresnet.metrics;

/** Top-k accuracy. */
public final class TopK {
  private TopK() {}

  /**
   * Share of examples whose label is among the k best scores; NaN without examples. Among equal
   * scores the lower class number comes first, as in an argmax that keeps the first maximum, so k =
   * 1 is the ordinary accuracy.
   *
   * @param labels true class of each example
   * @param scores {@code [example][class]}, logits or probabilities
   * @param k at least 1; from the number of classes on, the answer is 1
   * @throws IllegalArgumentException when a score is NaN, a label no class, or k below 1
   */
  public static double accuracy(int[] labels, double[][] scores, int k) {
    Examples.check(labels, scores);
    if (k < 1) {
      throw new IllegalArgumentException("k is at least 1, found " + k);
    }
    long hits = 0;
    for (int i = 0; i < labels.length; i++) {
      hits += rank(scores[i], labels[i], i) < k ? 1 : 0;
    }
    return labels.length == 0 ? Double.NaN : (double) hits / labels.length;
  }

  /** Number of classes that come before the label. */
  private static int rank(double[] scores, int label, int example) {
    int before = 0;
    for (int c = 0; c < scores.length; c++) {
      if (Double.isNaN(scores[c])) {
        throw new IllegalArgumentException("score of example " + example + " is NaN, class " + c);
      }
      if (scores[c] > scores[label] || scores[c] == scores[label] && c < label) {
        before++;
      }
    }
    return before;
  }
}
