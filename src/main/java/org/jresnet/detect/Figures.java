package org.jresnet.detect;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.base.Text;
import org.jresnet.metrics.BinaryIntervals;
import org.jresnet.metrics.BinaryScores;
import org.jresnet.metrics.Interval;
import org.jresnet.train.Evaluation;

/**
 * The figures of one cell of a table, each with its 95 % interval.
 *
 * @param images that could be decoded
 * @param accuracy share of right verdicts
 * @param accuracyInterval Wilson's, or the bootstrap's where images have groups
 * @param scores empty unless there are two classes with images
 * @param intervals of the scores
 */
public record Figures(
    int images,
    double accuracy,
    Interval accuracyInterval,
    Optional<BinaryScores> scores,
    Optional<BinaryIntervals> intervals) {
  /** Columns of a CSV file; fields that are undefined stay empty. */
  static final List<String> HEADER =
      List.of(
          "images",
          "accuracy",
          "accuracy_low",
          "accuracy_high",
          "auc",
          "auc_low",
          "auc_high",
          "eer",
          "eer_low",
          "eer_high");

  /** The figures of an evaluation. */
  public static Figures of(Evaluation e) {
    Interval accuracy =
        e.groupedAccuracy()
            .map(g -> g.get(0))
            .or(() -> e.confusion().accuracy().interval())
            .orElseThrow();
    return new Figures(
        e.images(), e.confusion().accuracy().share(), accuracy, e.binary(), e.intervals());
  }

  /**
   * For JSON: {@code images, accuracy, accuracy_interval}, and where they are defined {@code auc,
   * auc_interval, eer, eer_interval}; intervals are {@code [low, high]}.
   */
  public Map<String, Object> values() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("images", images);
    values.put("accuracy", accuracy);
    values.put("accuracy_interval", ends(accuracyInterval));
    scores.ifPresent(
        s -> {
          BinaryIntervals i = intervals.orElseThrow();
          values.put("auc", s.auc());
          values.put("auc_interval", ends(i.auc()));
          values.put("eer", s.eer());
          values.put("eer_interval", ends(i.eer()));
        });
    return values;
  }

  private static List<Double> ends(Interval interval) {
    return List.of(interval.low(), interval.high());
  }

  /** Fields in the order of {@link #HEADER}. */
  public List<String> fields() {
    return List.of(
        String.valueOf(images),
        String.valueOf(accuracy),
        String.valueOf(accuracyInterval.low()),
        String.valueOf(accuracyInterval.high()),
        scores.map(s -> String.valueOf(s.auc())).orElse(""),
        intervals.map(i -> String.valueOf(i.auc().low())).orElse(""),
        intervals.map(i -> String.valueOf(i.auc().high())).orElse(""),
        scores.map(s -> String.valueOf(s.eer())).orElse(""),
        intervals.map(i -> String.valueOf(i.eer().low())).orElse(""),
        intervals.map(i -> String.valueOf(i.eer().high())).orElse(""));
  }

  /** The columns of {@link #fields}. */
  public static List<String> header() {
    return HEADER;
  }

  /** Such as {@code 98.67 % (95.3 to 99.6 %)}. */
  public String accuracyText() {
    return Text.format("%.2f %% (%s)", 100 * accuracy, accuracyInterval.percent());
  }

  /** Such as {@code 0.9961 (0.9810 to 0.9991)}; a dash where it is undefined. */
  public String aucText() {
    return scores
        .map(s -> Text.format("%.4f (%s)", s.auc(), intervals.orElseThrow().auc().fraction()))
        .orElse("-");
  }

  /** Such as {@code 1.33 % (0 to 4.9 %)}; a dash where it is undefined. */
  public String eerText() {
    return scores
        .map(
            s ->
                Text.format("%.2f %% (%s)", 100 * s.eer(), intervals.orElseThrow().eer().percent()))
        .orElse("-");
  }
}
