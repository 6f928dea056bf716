package org.jresnet.cli;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.StringJoiner;
import java.util.stream.IntStream;
import org.jresnet.train.Prediction;

/** What {@code predict} found in all, for its last line. */
final class Tally {
  private static final int MOST_CLASSES = 10;

  private final List<String> classes;
  private final int[] counts;
  private int unsure;
  private int failed;
  private double preprocessMillis;
  private double inferenceMillis;

  Tally(List<String> classes) {
    this.classes = classes;
    this.counts = new int[classes.size()];
  }

  void add(Prediction p, String verdict) {
    int label = classes.indexOf(verdict);
    if (label < 0) {
      unsure++;
    } else {
      counts[label]++;
    }
    preprocessMillis += p.preprocessMillis();
    inferenceMillis += p.inferenceMillis();
  }

  void addFailed() {
    failed++;
  }

  int failed() {
    return failed;
  }

  /** Images, how many of each class, how many failed, and the time that one takes. */
  void print(Console console) {
    int done = Arrays.stream(counts).sum() + unsure;
    StringJoiner found = new StringJoiner(", ");
    int[] byCount =
        IntStream.range(0, counts.length)
            .filter(k -> counts[k] > 0)
            .boxed()
            .sorted(Comparator.comparingInt(k -> -counts[k]))
            .mapToInt(Integer::intValue)
            .toArray();
    Arrays.stream(byCount)
        .limit(MOST_CLASSES)
        .forEach(k -> found.add(counts[k] + " " + classes.get(k)));
    if (byCount.length > MOST_CLASSES) {
      found.add("and " + (byCount.length - MOST_CLASSES) + " more classes");
    }
    if (unsure > 0) {
      found.add(unsure + " unsure");
    }
    if (failed > 0) {
      found.add(failed + " failed");
    }
    int all = done + failed;
    console.print("%d %s: %s", all, all == 1 ? "image" : "images", found);
    if (done > 0) {
      console.print(
          "Per image: preprocess %.1f ms, inference %.1f ms (%.1f FPS)",
          preprocessMillis / done, inferenceMillis / done, 1000 * done / inferenceMillis);
    }
  }
}
