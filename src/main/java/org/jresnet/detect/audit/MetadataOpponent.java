package org.jresnet.detect.audit;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.Text;
import org.jresnet.data.Grouping;
import org.jresnet.detect.audit.AuditReport.Attempt;
import org.jresnet.detect.audit.AuditReport.Opponent;
import org.jresnet.detect.audit.OpponentFeatures.Kind;
import org.jresnet.metrics.BinaryIntervals;
import org.jresnet.metrics.Interval;
import org.jresnet.metrics.LogisticRegression;
import org.jresnet.metrics.Roc;

/**
 * A classifier that never sees a face: if it tells the classes apart, so may any network, by the
 * same traces. {@link LogisticRegression} on {@link OpponentFeatures}, five-fold cross-validated,
 * with the images of one group in one fold.
 *
 * <p>The interval of the area is Newcombe's, see {@link BinaryIntervals#auc(double, long, long)};
 * with groups, whose images are not independent, it counts groups for images. The folds' models
 * share most of what taught them, so their errors are not independent either: the variance is
 * {@code 1/k + 1/(k − 1)} instead of {@code 1/k} (Nadeau and Bengio 2003, <a
 * href="https://doi.org/10.1023/A:1024068626366">Inference for the generalization error</a>), which
 * is that of as many times fewer images.
 */
final class MetadataOpponent {
  /** Images of a class without which there is nothing to learn. */
  static final int MIN_IMAGES = 20;

  private static final int FOLDS = 5;

  /** More images would only make it slower. */
  private static final int MAX_IMAGES = 20_000;

  /** One against the rest takes a model a class. */
  private static final int MAX_CLASSES = 20;

  /** By how much the folds' common images raise the variance. */
  private static final double VARIANCE = (1.0 / FOLDS + 1.0 / (FOLDS - 1)) * FOLDS;

  private static final double L2 = 1;
  private static final int SHOWN = 6;

  private final List<String> classes;
  private final List<ImageFacts> images = new ArrayList<>();
  private final int[] labels;
  private final int[] folds;
  private final List<String> keys = new ArrayList<>();

  private MetadataOpponent(Readings set, List<Integer> chosen, Grouping grouping, long seed) {
    classes = set.classes();
    labels = chosen.stream().mapToInt(i -> set.samples().get(i).label()).toArray();
    for (int i : chosen) {
      images.add(set.facts()[i]);
      keys.add(grouping.key(set.groupId(i)));
    }
    folds = folds(seed);
  }

  /** Runs it, or says why not. */
  static Opponent run(Readings set, Grouping grouping, long seed) {
    int classCount = set.classes().size();
    List<List<Integer>> eligible =
        IntStream.range(0, classCount)
            .mapToObj(set::readable)
            .filter(c -> c.size() >= MIN_IMAGES)
            .sorted(Comparator.comparingInt((List<Integer> c) -> -c.size()))
            .limit(MAX_CLASSES)
            .toList();
    if (eligible.size() < 2) {
      return new Opponent(
          Text.format("needs two classes of at least %s images that can be decoded", MIN_IMAGES),
          0,
          0,
          List.of());
    }
    int most = MAX_IMAGES / eligible.size();
    List<Integer> chosen = new ArrayList<>();
    for (List<Integer> one : eligible) {
      int[] order = RandomStreams.permutation(one.size(), RandomStreams.of(seed, "opponent"));
      for (int i = 0; i < Math.min(most, order.length); i++) {
        chosen.add(one.get(order[i]));
      }
    }
    MetadataOpponent opponent = new MetadataOpponent(set, chosen, grouping, seed);
    if (grouping.isGiven() && opponent.keys.stream().distinct().count() < 2 * FOLDS) {
      return new Opponent(Text.format("needs at least %s groups", 2 * FOLDS), 0, 0, List.of());
    }
    List<Attempt> attempts = new ArrayList<>();
    for (Kind kind : Kind.values()) {
      attempts.add(opponent.attempt(kind));
    }
    return new Opponent("", chosen.size(), FOLDS, attempts);
  }

  /** Groups, in random order, go to the fold with the fewest images of their classes. */
  private int[] folds(long seed) {
    Map<String, List<Integer>> groups = new LinkedHashMap<>();
    for (int i = 0; i < labels.length; i++) {
      groups.computeIfAbsent(keys.get(i), k -> new ArrayList<>()).add(i);
    }
    List<List<Integer>> all = List.copyOf(groups.values());
    int[] assigned = new int[labels.length];
    Map<Integer, int[]> filled = new HashMap<>();
    for (int g : RandomStreams.permutation(all.size(), RandomStreams.of(seed, "folds"))) {
      List<Integer> group = all.get(g);
      int fold =
          IntStream.range(0, FOLDS)
              .boxed()
              .min(
                  Comparator.comparingLong(
                      f ->
                          group.stream()
                              .mapToLong(
                                  i -> filled.computeIfAbsent(labels[i], k -> new int[FOLDS])[f])
                              .sum()))
              .orElseThrow();
      for (int i : group) {
        assigned[i] = fold;
        filled.get(labels[i])[fold]++;
      }
    }
    return assigned;
  }

  private Attempt attempt(Kind kind) {
    OpponentFeatures features = new OpponentFeatures(images, kind);
    double[][] rows = features.rows();
    int[] present = IntStream.of(labels).distinct().sorted().toArray();
    // Of two classes one against the other says everything.
    int[] wanted = present.length == 2 ? new int[] {present[1]} : present;
    Attempt best = null;
    for (int label : wanted) {
      boolean[] positive = new boolean[labels.length];
      for (int i = 0; i < labels.length; i++) {
        positive[i] = labels[i] == label;
      }
      double auc = heldOut(rows, positive);
      if (best == null || auc > best.auc()) {
        Interval interval = BinaryIntervals.auc(auc, units(positive, true), units(positive, false));
        best =
            new Attempt(
                kind.id(),
                classes.get(label),
                auc,
                interval.low(),
                interval.high(),
                strongest(features, positive));
      }
    }
    return best;
  }

  /**
   * The chance that an image of the class scores above another one, by a model that has seen
   * neither of them nor another image of their groups. Only images of one fold are compared: across
   * folds each of two images has taught the other's model, which makes chance look worse than
   * chance.
   */
  private double heldOut(double[][] rows, boolean[] positive) {
    double above = 0;
    double pairs = 0;
    for (int fold = 0; fold < FOLDS; fold++) {
      int here = fold;
      int[] seen = IntStream.range(0, rows.length).filter(i -> folds[i] != here).toArray();
      int[] held = IntStream.range(0, rows.length).filter(i -> folds[i] == here).toArray();
      boolean[] ofHeld = pick(positive, held);
      long hits = IntStream.range(0, held.length).filter(i -> ofHeld[i]).count();
      boolean[] ofSeen = pick(positive, seen);
      long taught = IntStream.range(0, seen.length).filter(i -> ofSeen[i]).count();
      double comparable = (double) hits * (held.length - hits);
      if (comparable == 0 || taught == 0 || taught == seen.length) {
        continue;
      }
      LogisticRegression model =
          LogisticRegression.fit(
              IntStream.of(seen).mapToObj(i -> rows[i]).toArray(double[][]::new), ofSeen, L2);
      double[] scores = IntStream.of(held).mapToDouble(i -> model.score(rows[i])).toArray();
      above += comparable * auc(ofHeld, scores);
      pairs += comparable;
    }
    return pairs == 0 ? 0.5 : above / pairs;
  }

  private static boolean[] pick(boolean[] values, int[] indices) {
    boolean[] picked = new boolean[indices.length];
    for (int i = 0; i < indices.length; i++) {
      picked[i] = values[indices[i]];
    }
    return picked;
  }

  private static double auc(boolean[] positive, double[] scores) {
    return Roc.of(positive, scores).orElseThrow().auc();
  }

  /** Groups of one side, which are its images without groups, as far as they are independent. */
  private long units(boolean[] positive, boolean side) {
    long groups =
        IntStream.range(0, positive.length)
            .filter(i -> positive[i] == side)
            .mapToObj(keys::get)
            .distinct()
            .count();
    return Math.max(1, Math.round(groups / VARIANCE));
  }

  private static Map<String, Double> strongest(OpponentFeatures features, boolean[] positive) {
    Map<String, Double> areas = new LinkedHashMap<>();
    for (int f = 0; f < features.names().size(); f++) {
      double auc = auc(positive, features.column(f));
      areas.merge(features.names().get(f), Math.max(auc, 1 - auc), Math::max);
    }
    Map<String, Double> first = new LinkedHashMap<>();
    areas.entrySet().stream()
        .sorted(Map.Entry.<String, Double>comparingByValue(Comparator.reverseOrder()))
        .limit(SHOWN)
        .forEach(e -> first.put(e.getKey(), e.getValue()));
    return first;
  }
}
