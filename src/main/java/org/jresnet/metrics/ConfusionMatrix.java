package org.jresnet.metrics;

import java.util.List;
import java.util.Locale;
import org.jresnet.base.Text;

/**
 * Counts of true class against predicted class.
 *
 * @param classes class names
 * @param counts {@code counts[truth][prediction]}
 */
public record ConfusionMatrix(List<String> classes, long[][] counts) {
  private static final String CORNER = "true \\ predicted";

  /** Checks that the counts fit the classes. */
  public ConfusionMatrix {
    classes = List.copyOf(classes);
    if (counts.length != classes.size()) {
      throw new IllegalArgumentException(
          "one row per class is needed, found " + counts.length + " for " + classes);
    }
    for (long[] row : counts) {
      if (row.length != classes.size()) {
        throw new IllegalArgumentException(
            "one column per class is needed, found " + row.length + " for " + classes);
      }
    }
  }

  /**
   * Counts predictions.
   *
   * @throws IllegalArgumentException when the lengths differ or a number is none of the classes
   */
  public static ConfusionMatrix of(List<String> classes, int[] truth, int[] prediction) {
    if (truth.length != prediction.length) {
      throw new IllegalArgumentException(
          "one prediction per example is needed, found "
              + prediction.length
              + " for "
              + truth.length);
    }
    int k = classes.size();
    long[][] counts = new long[k][k];
    for (int i = 0; i < truth.length; i++) {
      Examples.checkClass("label", truth[i], i, k);
      Examples.checkClass("prediction", prediction[i], i, k);
      counts[truth[i]][prediction[i]]++;
    }
    return new ConfusionMatrix(classes, counts);
  }

  /** Images of one class. */
  public long total(int truth) {
    long sum = 0;
    for (long c : counts[truth]) {
      sum += c;
    }
    return sum;
  }

  /** Share of correct predictions. */
  public Proportion accuracy() {
    long correct = 0;
    long all = 0;
    for (int k = 0; k < counts.length; k++) {
      correct += counts[k][k];
      all += total(k);
    }
    return new Proportion(correct, all);
  }

  /** Share of a class's images that are predicted as it (recall). */
  public Proportion accuracy(int truth) {
    return called(truth, truth);
  }

  /** Share of a class's images that are predicted as another class, or as it. */
  public Proportion called(int truth, int prediction) {
    return new Proportion(counts[truth][prediction], total(truth));
  }

  /** Share of the predictions of a class that are right. */
  public Proportion precision(int prediction) {
    long predicted = 0;
    for (long[] row : counts) {
      predicted += row[prediction];
    }
    return new Proportion(counts[prediction][prediction], predicted);
  }

  /**
   * The matrix as text: one row per true class with its accuracy, below it each class's precision,
   * both with their intervals; a dash where there is nothing to divide by.
   */
  public String table() {
    List<String> names = classes.stream().map(Text::visible).toList();
    int width = 16;
    int first = CORNER.length();
    for (String name : names) {
      width = Math.max(width, name.length() + 2);
      first = Math.max(first, name.length());
    }
    StringBuilder text = new StringBuilder(left(CORNER, first));
    for (String name : names) {
      text.append(right(name, width));
    }
    text.append("  accuracy   95 % interval").append(System.lineSeparator());
    for (int k = 0; k < counts.length; k++) {
      text.append(left(names.get(k), first));
      for (long c : counts[k]) {
        text.append(right(Long.toString(c), width));
      }
      text.append(right(percent(accuracy(k)), 10)).append(right(interval(accuracy(k)), 16));
      text.append(System.lineSeparator());
    }
    text.append(left("precision", first));
    for (int k = 0; k < counts.length; k++) {
      text.append(right(percent(precision(k)), width));
    }
    text.append(System.lineSeparator()).append(left("95 % interval", first));
    for (int k = 0; k < counts.length; k++) {
      text.append(right(interval(precision(k)), width));
    }
    return text.append(System.lineSeparator()).toString();
  }

  private static String left(String text, int width) {
    return text + " ".repeat(width - text.length());
  }

  private static String right(String text, int width) {
    return " ".repeat(Math.max(0, width - text.length())) + text;
  }

  private static String percent(Proportion p) {
    return p.total() == 0 ? "-" : String.format(Locale.ROOT, "%.2f %%", 100 * p.share());
  }

  private static String interval(Proportion p) {
    return p.interval().map(Interval::percent).orElse("-");
  }
}
