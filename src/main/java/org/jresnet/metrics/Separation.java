package org.jresnet.metrics;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jresnet.base.RandomStreams;

/**
 * How well one property of the examples, such as an image's size, tells their classes apart all
 * alone.
 *
 * <p>The rule that is tried says for each value the class in which that value is the most frequent.
 * It is made from one half of the examples and tried on the other, both ways round, so that every
 * example meets a rule that has not seen it; a value that the rule has not seen is an error.
 *
 * @param recalls for each class, how many of its examples the rule found
 */
public record Separation(List<Proportion> recalls) {
  /** Numbers are compared in no more than this many equally filled ranges. */
  private static final int MAX_RANGES = 16;

  /** And in ranges that hold about as many examples, at least. */
  private static final int RANGE_EXAMPLES = 10;

  /** Checks that there are classes. */
  public Separation {
    recalls = List.copyOf(recalls);
    if (recalls.size() < 2) {
      throw new IllegalArgumentException("at least two classes are needed, found " + recalls);
    }
  }

  /**
   * Tries a property with a value out of a list.
   *
   * @param labels class of each example
   * @param values number of each example's value, from 0
   * @param classes number of classes
   */
  public static Separation ofCategories(int[] labels, int[] values, int classes) {
    return of(labels, classes, fitted -> values);
  }

  /** As {@link #ofCategories}, for a property that is a number, cut into ranges. */
  public static Separation ofNumbers(int[] labels, double[] values, int classes) {
    return of(labels, classes, fitted -> ranges(values, fitted));
  }

  /** The examples' values as numbers from 0, given which of them the rule may see. */
  private interface Values {
    int[] seen(boolean[] fitted);
  }

  private static Separation of(int[] labels, int classes, Values values) {
    boolean[] half = new boolean[labels.length];
    boolean[] otherHalf = new boolean[labels.length];
    int[] totals = new int[classes];
    // In a random order: files that stand side by side are often alike.
    for (int i : RandomStreams.permutation(labels.length, RandomStreams.of(0, "halves"))) {
      Examples.checkClass("label", labels[i], i, classes);
      half[i] = totals[labels[i]]++ % 2 == 0;
      otherHalf[i] = !half[i];
    }
    long[] hits = new long[classes];
    for (boolean[] fitted : List.of(half, otherHalf)) {
      int[] seen = values.seen(fitted);
      int[] rule = rule(labels, seen, fitted, classes);
      for (int i = 0; i < labels.length; i++) {
        hits[labels[i]] += !fitted[i] && rule[seen[i]] == labels[i] ? 1 : 0;
      }
    }
    return new Separation(
        IntStream.range(0, classes).mapToObj(k -> new Proportion(hits[k], totals[k])).toList());
  }

  /** The class for each value, −1 where none of the examples has it. */
  private static int[] rule(int[] labels, int[] values, boolean[] fitted, int classes) {
    int count = Arrays.stream(values).max().orElse(-1) + 1;
    long[][] counts = new long[count][classes];
    long[] totals = new long[classes];
    for (int i = 0; i < labels.length; i++) {
      if (fitted[i]) {
        counts[values[i]][labels[i]]++;
        totals[labels[i]]++;
      }
    }
    int[] rule = new int[count];
    for (int v = 0; v < count; v++) {
      rule[v] = -1;
      double best = 0;
      for (int k = 0; k < classes; k++) {
        double share = totals[k] == 0 ? 0 : (double) counts[v][k] / totals[k];
        if (share > best) {
          best = share;
          rule[v] = k;
        }
      }
    }
    return rule;
  }

  /** The range of each number; equal numbers share one. */
  private static int[] ranges(double[] values, boolean[] fitted) {
    double[] sorted =
        IntStream.range(0, values.length)
            .filter(i -> fitted[i])
            .mapToDouble(i -> values[i])
            .sorted()
            .toArray();
    int count = Math.max(2, Math.min(MAX_RANGES, sorted.length / RANGE_EXAMPLES));
    double[] starts =
        sorted.length == 0
            ? sorted
            : IntStream.range(1, count)
                .mapToDouble(r -> sorted[(int) ((long) r * sorted.length / count)])
                .toArray();
    return Arrays.stream(values).mapToInt(v -> range(v, starts)).toArray();
  }

  private static int range(double value, double[] starts) {
    int range = 0;
    while (range < starts.length && value >= starts[range]) {
      range++;
    }
    return range;
  }

  /** The mean of the classes' shares: {@code 1/k} for a property that knows nothing. */
  public double balancedAccuracy() {
    return recalls.stream().mapToDouble(Proportion::share).average().orElseThrow();
  }

  /**
   * The means of the ends of the classes' {@linkplain Proportion#interval() intervals}, which is
   * wider than 95 % ask for; 0 to 1 where a class has no examples.
   */
  public Interval interval() {
    Interval unknown = new Interval(0, 1);
    List<Interval> ends = recalls.stream().map(r -> r.interval().orElse(unknown)).toList();
    return new Interval(
        ends.stream().mapToDouble(Interval::low).average().orElseThrow(),
        ends.stream().mapToDouble(Interval::high).average().orElseThrow());
  }

  /**
   * Whether the property gives the classes away: even the lower end of the interval is at least
   * half of the way from guessing, {@code 1/k}, to certainty. Two classes of eleven images each are
   * too few to say so, whatever they look like.
   */
  public boolean separates() {
    return interval().low() >= (1 + 1.0 / recalls.size()) / 2;
  }
}
