package org.jresnet.metrics;

import java.util.List;

/**
 * Counts of true class against predicted class.
 *
 * @param classes class names
 * @param counts {@code counts[truth][prediction]}
 */
public record ConfusionMatrix(List<String> classes, long[][] counts) {
  /** Counts predictions. */
  public static ConfusionMatrix of(List<String> classes, int[] truth, int[] prediction) {
    long[][] counts = new long[classes.size()][classes.size()];
    for (int i = 0; i < truth.length; i++) {
      counts[truth[i]][prediction[i]]++;
    }
    return new ConfusionMatrix(classes, counts);
  }

  /** Pictures of one class. */
  public long total(int truth) {
    long sum = 0;
    for (long c : counts[truth]) {
      sum += c;
    }
    return sum;
  }

  /** Share of correct predictions, NaN without pictures. */
  public double accuracy() {
    long correct = 0;
    long all = 0;
    for (int k = 0; k < counts.length; k++) {
      correct += counts[k][k];
      all += total(k);
    }
    return all == 0 ? Double.NaN : (double) correct / all;
  }

  /** Share of a class's pictures that are predicted as it (recall), NaN without pictures. */
  public double accuracy(int truth) {
    return total(truth) == 0 ? Double.NaN : (double) counts[truth][truth] / total(truth);
  }

  /** The matrix as text, one row per true class. */
  public String table() {
    int width = Math.max(10, classes.stream().mapToInt(String::length).max().orElse(0) + 2);
    StringBuilder text = new StringBuilder(String.format("%-" + width + "s", "true \\ predicted"));
    classes.forEach(c -> text.append(String.format("%" + width + "s", c)));
    text.append(String.format("%" + width + "s%n", "accuracy"));
    int first = Math.max(width, "true \\ predicted".length());
    for (int k = 0; k < counts.length; k++) {
      text.append(String.format("%-" + first + "s", classes.get(k)));
      for (long c : counts[k]) {
        text.append(String.format("%" + width + "d", c));
      }
      text.append(String.format("%" + (width - 2) + ".2f %%%n", 100 * accuracy(k)));
    }
    return text.toString();
  }
}
