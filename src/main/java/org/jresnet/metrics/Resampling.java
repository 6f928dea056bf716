package org.jresnet.metrics;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import org.jresnet.base.RandomStreams;

/**
 * Draws examples with replacement, for bootstrap intervals (Efron and Tibshirani 1993, <a
 * href="https://doi.org/10.1201/9780429246593">An Introduction to the Bootstrap</a>, chapters 8 and
 * 13).
 *
 * <p>Draws are stratified: every draw has as many examples of each class as there are. Examples of
 * one group, such as the images of one person, are not independent: a group is drawn as a whole
 * (the cluster bootstrap), among the groups that hold the same classes.
 */
public final class Resampling {
  /** Draws behind each interval. */
  public static final int DRAWS = 2000;

  private static final double TAIL = 0.025;

  /** Examples in the order of their groups; group g has those from {@code starts[g]} on. */
  private final int[] members;

  private final int[] starts;

  /** Groups that are drawn among each other. */
  private final int[][] strata;

  private final int[] labels;

  private Resampling(int[] labels, int[] members, int[] starts, int[][] strata) {
    this.labels = labels;
    this.members = members;
    this.starts = starts;
    this.strata = strata;
  }

  /**
   * Of examples that are independent within their classes, or of groups of them.
   *
   * @param labels class of each example
   * @param groups name of each example's group; empty where every example stands for itself
   * @throws IllegalArgumentException when the lengths differ
   */
  public static Resampling of(int[] labels, List<String> groups) {
    if (!groups.isEmpty() && groups.size() != labels.length) {
      throw new IllegalArgumentException(
          "one group per example is needed, found " + groups.size() + " for " + labels.length);
    }
    int[] group = new int[labels.length];
    Map<String, Integer> numbers = new HashMap<>();
    for (int i = 0; i < labels.length; i++) {
      group[i] = groups.isEmpty() ? i : numbers.computeIfAbsent(groups.get(i), n -> numbers.size());
    }
    int count = groups.isEmpty() ? labels.length : numbers.size();
    int[] starts = new int[count + 1];
    for (int g : group) {
      starts[g + 1]++;
    }
    for (int g = 0; g < count; g++) {
      starts[g + 1] += starts[g];
    }
    int[] members = new int[labels.length];
    int[] next = Arrays.copyOf(starts, count);
    for (int i = 0; i < labels.length; i++) {
      members[next[group[i]]++] = i;
    }
    return new Resampling(labels.clone(), members, starts, strata(labels, members, starts));
  }

  private static int[][] strata(int[] labels, int[] members, int[] starts) {
    Map<String, List<Integer>> byClasses = new TreeMap<>();
    for (int g = 0; g + 1 < starts.length; g++) {
      TreeSet<Integer> held = new TreeSet<>();
      for (int m = starts[g]; m < starts[g + 1]; m++) {
        held.add(labels[members[m]]);
      }
      byClasses.computeIfAbsent(held.toString(), k -> new java.util.ArrayList<>()).add(g);
    }
    return byClasses.values().stream()
        .map(list -> list.stream().mapToInt(Integer::intValue).toArray())
        .toArray(int[][]::new);
  }

  /** Independent units, groups or single examples, that hold a class. */
  public int units(int label) {
    int units = 0;
    for (int g = 0; g + 1 < starts.length; g++) {
      boolean holds = false;
      for (int m = starts[g]; m < starts[g + 1]; m++) {
        holds |= labels[members[m]] == label;
      }
      units += holds ? 1 : 0;
    }
    return units;
  }

  /** How often each example is in a draw. */
  void draw(SplittableRandom random, int[] counts) {
    Arrays.fill(counts, 0);
    for (int[] stratum : strata) {
      for (int i = 0; i < stratum.length; i++) {
        int g = stratum[random.nextInt(stratum.length)];
        for (int m = starts[g]; m < starts[g + 1]; m++) {
          counts[members[m]]++;
        }
      }
    }
  }

  /**
   * The percentile intervals of several statistics of the same draws, at 95 %.
   *
   * @param seed of the draws: the same seed gives the same intervals
   * @param statistics from how often each example is drawn to the values; they must not be NaN
   */
  public List<Interval> intervals(long seed, Function<int[], double[]> statistics) {
    int[] counts = new int[labels.length];
    double[][] values = new double[DRAWS][];
    for (int r = 0; r < DRAWS; r++) {
      draw(RandomStreams.of(seed, "bootstrap", r), counts);
      values[r] = statistics.apply(counts);
    }
    return java.util.stream.IntStream.range(0, values[0].length)
        .mapToObj(s -> percentiles(Arrays.stream(values).mapToDouble(v -> v[s]).toArray()))
        .toList();
  }

  private static Interval percentiles(double[] values) {
    Arrays.sort(values);
    int cut = (int) Math.round(TAIL * values.length);
    return new Interval(values[cut], values[values.length - 1 - cut]);
  }
}
