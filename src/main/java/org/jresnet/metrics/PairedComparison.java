package org.jresnet.metrics;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Two classifiers on the same examples. Pairing removes what makes an example hard for both, so a
 * difference shows that two separate intervals would hide.
 *
 * @param auc areas under the ROC curve; empty unless both classes have examples
 * @param aucPValue of {@link DeLong}; empty where neither area can vary, or there is no area
 * @param accuracy shares of right verdicts
 * @param verdicts of {@link McNemar}
 */
public record PairedComparison(
    Optional<Difference> auc, OptionalDouble aucPValue, Difference accuracy, McNemar verdicts) {
  /**
   * A difference.
   *
   * @param first value of the first classifier
   * @param second value of the second
   * @param interval of first less second, of the bootstrap; empty where it has nothing to vary,
   *     such as between two classifiers without an error
   */
  public record Difference(double first, double second, Optional<Interval> interval) {
    /** First less second. */
    public double value() {
      return first - second;
    }
  }

  /**
   * Compares verdicts, and scores where there are any.
   *
   * @param labels class of each example
   * @param first whether the first classifier is right
   * @param second whether the second is
   * @param groups name of each example's group, see {@link Resampling}; empty for none. The
   *     p-values take examples for independent all the same: with groups, read the intervals
   * @param seed of the bootstrap
   */
  public static PairedComparison of(
      int[] labels, Verdicts first, Verdicts second, List<String> groups, long seed) {
    Resampling resampling = Resampling.of(labels, groups);
    McNemar verdicts = McNemar.of(first.right(), second.right());
    boolean differ = verdicts.onlyFirst() + verdicts.onlySecond() > 0;
    Optional<Interval> interval =
        differ
            ? Optional.of(
                resampling
                    .intervals(
                        seed,
                        counts ->
                            new double[] {
                              share(first.right(), counts) - share(second.right(), counts)
                            })
                    .get(0))
            : Optional.empty();
    int[] once = new int[labels.length];
    java.util.Arrays.fill(once, 1);
    Difference accuracy =
        new Difference(share(first.right(), once), share(second.right(), once), interval);
    return first.scores().length == 0
        ? new PairedComparison(Optional.empty(), OptionalDouble.empty(), accuracy, verdicts)
        : withAreas(accuracy, verdicts, resampling, labels, List.of(first, second), seed);
  }

  /**
   * What a classifier says of the examples.
   *
   * @param right whether its verdict is the label
   * @param scores of class 1 of two; without elements where there are other classes
   */
  public record Verdicts(boolean[] right, double[] scores) {}

  private static PairedComparison withAreas(
      Difference accuracy,
      McNemar verdicts,
      Resampling resampling,
      int[] labels,
      List<Verdicts> both,
      long seed) {
    boolean[] positive = new boolean[labels.length];
    for (int i = 0; i < labels.length; i++) {
      positive[i] = labels[i] == 1;
    }
    double[] a = both.get(0).scores();
    double[] b = both.get(1).scores();
    Optional<Roc> first = Roc.of(positive, a);
    Optional<Roc> second = Roc.of(positive, b);
    if (first.isEmpty()) {
      return new PairedComparison(Optional.empty(), OptionalDouble.empty(), accuracy, verdicts);
    }
    Roc.Drawn drawnFirst = first.get().drawn(positive, a);
    Roc.Drawn drawnSecond = second.orElseThrow().drawn(positive, b);
    boolean enough = resampling.units(0) > 1 && resampling.units(1) > 1;
    Optional<DeLong> test = enough ? Optional.of(DeLong.compare(positive, a, b)) : Optional.empty();
    Optional<Interval> interval =
        test.filter(t -> t.standardError() > 0)
            .map(
                t ->
                    resampling
                        .intervals(
                            seed,
                            counts ->
                                new double[] {
                                  drawnFirst.roc(counts).auc() - drawnSecond.roc(counts).auc()
                                })
                        .get(0));
    return new PairedComparison(
        Optional.of(new Difference(first.get().auc(), second.get().auc(), interval)),
        test.map(DeLong::pValue).orElse(OptionalDouble.empty()),
        accuracy,
        verdicts);
  }

  private static double share(boolean[] right, int[] counts) {
    long hits = 0;
    long all = 0;
    for (int i = 0; i < counts.length; i++) {
      hits += right[i] ? counts[i] : 0;
      all += counts[i];
    }
    return (double) hits / all;
  }
}
