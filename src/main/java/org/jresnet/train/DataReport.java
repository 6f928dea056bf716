package org.jresnet.train;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.jresnet.data.ClassStatistics;
import org.jresnet.data.Duplicates;
import org.jresnet.data.ImageFeature;
import org.jresnet.data.Split;
import org.jresnet.metrics.Separation;

/**
 * What a run is about to learn from, before its first step.
 *
 * @param split who is trained on
 * @param positive the class that a score speaks for
 * @param leftOutPerEpoch training images that an epoch does not see
 * @param statistics what the files of each class have in common
 * @param duplicates files with the same content, as far as contents were compared
 */
public record DataReport(
    Split split,
    String positive,
    int leftOutPerEpoch,
    ClassStatistics statistics,
    Duplicates duplicates) {

  /** A property that tells the classes apart without a look at the images. */
  public record Shortcut(ImageFeature feature, Separation separation) {}

  /** All properties that {@linkplain Separation#separates() separate} the classes, best first. */
  public List<Shortcut> shortcuts() {
    return shortcuts(statistics);
  }

  /** The same of any images. */
  public static List<Shortcut> shortcuts(ClassStatistics statistics) {
    int classes = statistics.classes().size();
    int[] labels = statistics.labels();
    return Arrays.stream(ImageFeature.values())
        .map(
            f ->
                new Shortcut(
                    f,
                    f.isNumber()
                        ? Separation.ofNumbers(labels, statistics.numbers(f), classes)
                        : Separation.ofCategories(labels, statistics.categories(f), classes)))
        .filter(s -> s.separation().separates())
        .sorted(Comparator.comparingDouble((Shortcut s) -> -s.separation().balancedAccuracy()))
        .toList();
  }
}
