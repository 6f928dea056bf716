package org.jresnet.train;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import org.jresnet.metrics.BinaryScores;
import org.jresnet.metrics.ConfusionMatrix;
import org.jresnet.metrics.Interval;
import org.jresnet.metrics.Roc;

/** The figures of an evaluation by name, for JSON. */
public final class EvaluationMetrics {
  /** Most points of a curve. */
  static final int MOST_POINTS = 400;

  /** From this probability on the positive of two classes is called. */
  private static final double THRESHOLD = 0.5;

  /** Rates are kept this far from 0 and 1 where their logits space points. */
  private static final double CLAMP = 1e-4;

  private EvaluationMetrics() {}

  /**
   * All metrics; those that are undefined for lack of images are left out. A metric {@code x} has
   * its 95 % interval beside it as {@code x_interval}.
   *
   * <p>{@code accuracy, loss, images, groups} (how many, if images have them), {@code
   * class_accuracy} and {@code class_accuracy_interval} by class, {@code classes, confusion}
   * ({@code [truth][prediction]}); of two classes {@code positive, threshold, auc, eer,
   * average_precision, tpr_at_fpr_0.01, tpr_at_fpr_0.001}.
   */
  public static Map<String, Object> of(Evaluation e) {
    ConfusionMatrix confusion = e.confusion();
    Optional<List<Interval>> grouped = e.groupedAccuracy();
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("accuracy", confusion.accuracy().share());
    values.put(
        "accuracy_interval",
        ends(grouped.map(g -> g.get(0)).or(() -> confusion.accuracy().interval())));
    values.put("loss", e.loss());
    values.put("images", e.images());
    if (!e.groups().isEmpty()) {
      values.put("groups", e.groups().stream().distinct().count());
    }
    Map<String, Object> perClass = new LinkedHashMap<>();
    Map<String, Object> intervals = new LinkedHashMap<>();
    for (int k = 0; k < e.classes().size(); k++) {
      int label = k;
      if (confusion.total(k) > 0) {
        perClass.put(e.classes().get(k), confusion.accuracy(k).share());
        intervals.put(
            e.classes().get(k),
            ends(
                grouped.map(g -> g.get(label + 1)).or(() -> confusion.accuracy(label).interval())));
      }
    }
    values.put("class_accuracy", perClass);
    values.put("class_accuracy_interval", intervals);
    values.put("classes", e.classes());
    values.put("confusion", confusion.counts());
    if (e.classes().size() == 2) {
      values.put("positive", e.classes().get(e.positive()));
      values.put("threshold", THRESHOLD);
    }
    e.binary()
        .ifPresent(
            b -> {
              values.put("auc", b.auc());
              values.put("eer", b.eer());
              values.put("average_precision", b.averagePrecision());
              for (int k = 0; k < BinaryScores.RATES.size(); k++) {
                String key = "tpr_at_fpr_" + BinaryScores.RATES.get(k);
                b.hitRates().get(k).ifPresent(rate -> values.put(key, rate));
              }
            });
    e.intervals()
        .ifPresent(
            i -> {
              values.put("auc_interval", ends(Optional.of(i.auc())));
              values.put("eer_interval", ends(Optional.of(i.eer())));
              values.put("average_precision_interval", ends(i.averagePrecision()));
              for (int k = 0; k < BinaryScores.RATES.size(); k++) {
                String key = "tpr_at_fpr_" + BinaryScores.RATES.get(k) + "_interval";
                i.hitRates().get(k).ifPresent(rate -> values.put(key, ends(Optional.of(rate))));
              }
            });
    return values;
  }

  /** Low and high end; empty where there is none. */
  static List<Double> ends(Optional<Interval> interval) {
    return interval.map(i -> List.of(i.low(), i.high())).orElse(List.of());
  }

  /** {@code roc} and {@code det}; empty unless two classes have images. */
  static Optional<Map<String, Object>> curves(Evaluation e) {
    if (e.classes().size() != 2) {
      return Optional.empty();
    }
    return Roc.of(e.positives(), e.scores())
        .map(
            roc -> {
              Map<String, Object> values = new LinkedHashMap<>();
              values.put(
                  "roc",
                  thinned(roc, p -> roc.falsePositiveRate(p) + roc.truePositiveRate(p)).stream()
                      .map(
                          p ->
                              List.of(
                                  roc.falsePositiveRate(p),
                                  roc.truePositiveRate(p),
                                  // The first threshold is infinite, which JSON cannot say.
                                  Math.min(roc.thresholds()[p], Double.MAX_VALUE)))
                      .toList());
              values.put(
                  "det",
                  thinned(
                          roc,
                          p -> logit(roc.falsePositiveRate(p)) + logit(roc.truePositiveRate(p)))
                      .stream()
                      .map(p -> List.of(roc.falsePositiveRate(p), 1 - roc.truePositiveRate(p)))
                      .toList());
              return values;
            });
  }

  private static double logit(double rate) {
    double inside = Math.max(CLAMP, Math.min(1 - CLAMP, rate));
    return Math.log(inside / (1 - inside));
  }

  /** Points at about equal steps of a measure that never falls along the curve, with both ends. */
  private static List<Integer> thinned(Roc roc, ToDoubleFunction<Integer> along) {
    int last = roc.points() - 1;
    double start = along.applyAsDouble(0);
    double step = (along.applyAsDouble(last) - start) / (MOST_POINTS - 2);
    List<Integer> points = new ArrayList<>(List.of(0));
    double next = start + step;
    for (int p = 1; p < last; p++) {
      double at = along.applyAsDouble(p);
      if (at >= next || last < MOST_POINTS) {
        points.add(p);
        next = Math.max(next, start + Math.floor((at - start) / step) * step) + step;
      }
    }
    points.add(last);
    return points;
  }
}
