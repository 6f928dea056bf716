package org.jresnet.detect.report;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jresnet.base.Digests;
import org.jresnet.metrics.Calibration;
import org.jresnet.metrics.Roc;

/** One evaluation of the run: {@code evaluations/NAME.json} and the predictions beside it. */
final class EvaluationSection {
  private static final int POINTS = 400;
  private static final int ERRORS = 12;

  private final JsonTree result;
  private final Optional<Path> data;
  private final List<String> classes;
  private final Map<String, Object> model = new LinkedHashMap<>();

  private EvaluationSection(JsonTree result, Optional<Path> data) {
    this.result = result;
    this.data = data;
    classes = result.texts("classes");
  }

  /**
   * What the page shows of an evaluation.
   *
   * @param data folder that the ids of its images begin at, where it is known
   */
  static Map<String, Object> of(JsonTree result, Optional<Path> data) {
    EvaluationSection section = new EvaluationSection(result, data);
    section.fill();
    return section.model;
  }

  private void fill() {
    String name = result.file().getFileName().toString().replaceAll("\\.json$", "");
    boolean test = name.equals("test");
    model.put("name", test ? "The test set" : name);
    model.put("id", "evaluation-" + name.replaceAll("[^A-Za-z0-9]", "-"));
    List<String> notes = new ArrayList<>();
    if (test) {
      int openings = result.number("test_openings").map(Double::intValue).orElse(1);
      notes.add(
          openings == 1
              ? "The seal was opened once. These figures are honest as long as nothing was decided by an earlier look."
              : "The seal was opened "
                  + openings
                  + " times. What was decided between has seen these images, so the figures are better than on new ones.");
    }
    note(notes, "missing", "test files are missing");
    note(notes, "changed", "test files were changed since the run began and are left out");
    model.put("figures", figures());
    model.put("confusion", confusion());
    predictions(notes);
    model.put("notes", notes);
  }

  private void note(List<String> notes, String key, String text) {
    int count = result.list(key).size();
    if (count > 0) {
      notes.add(count + " " + text + ".");
    }
  }

  private List<Map<String, Object>> figures() {
    List<Map<String, Object>> rows = new ArrayList<>();
    figure(rows, "Accuracy", "accuracy", true);
    if (result.object("class_accuracy").isPresent()) {
      JsonTree each = result.object("class_accuracy").orElseThrow();
      Optional<JsonTree> intervals = result.object("class_accuracy_interval");
      for (String name : each.keys()) {
        Optional<double[]> ends = intervals.flatMap(i -> Numbers.interval(i, name));
        rows.add(
            row(
                "Accuracy on " + name,
                Numbers.percent(each.number(name).orElse(Double.NaN)),
                ends.map(Numbers::percents).orElse("")));
      }
    }
    figure(rows, "AUC", "auc", false);
    figure(rows, "Equal error rate", "eer", true);
    figure(rows, "Average precision", "average_precision", false);
    result.number("loss").ifPresent(v -> rows.add(row("Cross-entropy", Numbers.fraction(v), "")));
    result
        .number("images")
        .ifPresent(v -> rows.add(row("Images", String.valueOf(v.longValue()), "")));
    return rows;
  }

  private void figure(List<Map<String, Object>> rows, String label, String key, boolean percent) {
    Optional<double[]> ends = Numbers.interval(result, key + "_interval");
    result
        .number(key)
        .ifPresent(
            v ->
                rows.add(
                    row(
                        label,
                        percent ? Numbers.percent(v) : Numbers.fraction(v),
                        ends.map(e -> percent ? Numbers.percents(e) : Numbers.fractions(e))
                            .orElse("no interval"))));
  }

  private static Map<String, Object> row(String label, String value, String interval) {
    return Map.of("label", label, "value", value, "interval", interval);
  }

  private Map<String, Object> confusion() {
    List<Object> counts = result.list("confusion");
    List<Map<String, Object>> rows = new ArrayList<>();
    for (int i = 0; i < counts.size() && i < classes.size(); i++) {
      double[] row = JsonTree.numbers((List<?>) counts.get(i));
      int truth = i;
      double all = IntStream.range(0, row.length).mapToDouble(k -> row[k]).sum();
      List<Map<String, Object>> cells =
          IntStream.range(0, row.length)
              .mapToObj(
                  k ->
                      Map.<String, Object>of(
                          "count",
                          (long) row[k],
                          "right",
                          k == truth,
                          "shade",
                          String.format(Locale.ROOT, "%.2f", all == 0 ? 0 : 0.6 * row[k] / all)))
              .toList();
      rows.add(Map.of("class", classes.get(i), "cells", cells));
    }
    return Map.of("classes", classes, "rows", rows);
  }

  private void predictions(List<String> notes) {
    Path folder = result.file().toAbsolutePath().getParent();
    Optional<Path> file =
        result
            .text("predictions")
            .map(name -> folder.resolve(Path.of(name).getFileName()))
            .filter(Files::isRegularFile);
    if (file.isEmpty() || classes.isEmpty()) {
      notes.add("There are no predictions beside this result, so it has no curves.");
      return;
    }
    Optional<String> hash = result.text("predictions_sha256");
    if (hash.isPresent()
        && !hash.get().equals(Digests.ofFile(file.get(), "the predictions", () -> false))) {
      notes.add(
          file.get().getFileName()
              + " was changed since the evaluation: the figures above do not belong to it, and no curves are drawn.");
      return;
    }
    Predictions p = Predictions.read(file.get(), classes);
    if (p.ids().isEmpty()) {
      return;
    }
    List<String> charts = new ArrayList<>();
    int positive = result.text("positive").map(classes::indexOf).orElse(-1);
    if (classes.size() == 2 && positive >= 0) {
      roc(p, positive).ifPresent(charts::addAll);
    }
    charts.add(reliability(p));
    model.put("charts", charts);
    Calibration.of(p.labels(), p.probabilities())
        .ifPresent(
            c ->
                model.put(
                    "reliability",
                    "Expected calibration error "
                        + Numbers.percent(c.expectedError())
                        + ", Brier score "
                        + Numbers.fraction(c.brier())
                        + "."));
    model.put("errors", errors(p));
  }

  private static Optional<List<String>> roc(Predictions p, int positive) {
    boolean[] truth = new boolean[p.labels().length];
    double[] scores = new double[truth.length];
    for (int i = 0; i < truth.length; i++) {
      truth[i] = p.labels()[i] == positive;
      scores[i] = p.probabilities()[i][positive];
    }
    return Roc.of(truth, scores)
        .map(
            roc -> {
              int[] points = thinned(roc.points());
              double[] falseAlarms = new double[points.length];
              double[] hits = new double[points.length];
              double[] misses = new double[points.length];
              for (int i = 0; i < points.length; i++) {
                falseAlarms[i] = roc.falsePositiveRate(points[i]);
                hits[i] = roc.truePositiveRate(points[i]);
                misses[i] = 1 - hits[i];
              }
              return List.of(
                  new Chart(
                          "ROC curve: hit rate against false alarms",
                          Axis.shares("False alarms"),
                          Axis.shares("Hits"))
                      .guide(0, 0, 1, 1)
                      .line("ROC", falseAlarms, hits)
                      .svg(),
                  new Chart(
                          "DET curve: misses against false alarms",
                          Axis.errorRates("False alarms"),
                          Axis.errorRates("Misses"))
                      .guide(0.0005, 0.0005, 0.6, 0.6)
                      .line("DET", falseAlarms, misses)
                      .svg());
            });
  }

  /** At most so many of the points, with the first and the last. */
  private static int[] thinned(int points) {
    int kept = Math.min(points, POINTS);
    return IntStream.range(0, kept)
        .map(i -> kept == 1 ? 0 : (int) ((long) i * (points - 1) / (kept - 1)))
        .toArray();
  }

  private static String reliability(Predictions p) {
    List<Calibration.Bin> bins = Calibration.bins(p.labels(), p.probabilities());
    double[] said = bins.stream().mapToDouble(Calibration.Bin::confidence).toArray();
    double[] right = bins.stream().mapToDouble(b -> b.correct().share()).toArray();
    double[] low = new double[said.length];
    double[] high = new double[said.length];
    for (int i = 0; i < low.length; i++) {
      var interval = bins.get(i).correct().interval();
      low[i] = interval.map(v -> v.low()).orElse(Double.NaN);
      high[i] = interval.map(v -> v.high()).orElse(Double.NaN);
    }
    double least = p.probabilities()[0].length > 2 ? 0 : 0.5;
    return new Chart(
            "Reliability: share of right verdicts against the probability that was said",
            Axis.shares("Probability said", least),
            Axis.shares("Right"))
        .guide(least, least, 1, 1)
        .band(said, low, high)
        .line("reliability", said, right)
        .dots(said, right)
        .svg();
  }

  /** A file of the data folder; empty for a name that leads out of it. */
  private static Optional<Path> below(Path root, String id) {
    Path file = root.resolve(id).normalize();
    return Optional.of(file).filter(f -> f.startsWith(root.normalize()));
  }

  private List<Map<String, Object>> errors(Predictions p) {
    return IntStream.range(0, p.ids().size())
        .filter(i -> p.predicted(i) != p.labels()[i])
        .boxed()
        .sorted(Comparator.comparingDouble(i -> -p.probabilities()[i][p.predicted(i)]))
        .limit(ERRORS)
        .map(
            i -> {
              Map<String, Object> error = new LinkedHashMap<>();
              error.put("file", p.ids().get(i));
              error.put("truth", classes.get(p.labels()[i]));
              error.put("called", classes.get(p.predicted(i)));
              error.put("probability", Numbers.percent(p.probabilities()[i][p.predicted(i)]));
              Optional<Path> file = data.flatMap(root -> below(root, p.ids().get(i)));
              error.put("image", file.flatMap(Thumbnails::of).orElse(""));
              return error;
            })
        .toList();
  }
}
