package org.jresnet.detect.report;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jresnet.metrics.Proportion;

/** One evaluation of the run, a file of {@link org.jresnet.train.EvaluationFile}. */
final class EvaluationSection {
  private static final int ERRORS = 12;

  private final JsonTree result;
  private final List<String> classes;
  private final Map<String, Object> model = new LinkedHashMap<>();

  private EvaluationSection(JsonTree result) {
    this.result = result;
    classes = result.texts("classes");
  }

  /** What the page shows of an evaluation. */
  static Map<String, Object> of(JsonTree result) {
    EvaluationSection section = new EvaluationSection(result);
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
    calibration(notes);
    model.put("notes", notes);
    model.put("charts", charts());
    model.put("errors", errors());
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
    figure(rows, "Hits at 1 % false alarms", "tpr_at_fpr_0.01", true);
    figure(rows, "Hits at 0.1 % false alarms", "tpr_at_fpr_0.001", true);
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
    List<double[]> counts = result.rows("confusion");
    List<Map<String, Object>> rows = new ArrayList<>();
    for (int i = 0; i < counts.size() && i < classes.size(); i++) {
      double[] row = counts.get(i);
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

  private List<String> charts() {
    List<String> charts = new ArrayList<>();
    double[][] roc = points("roc");
    if (roc.length > 0) {
      charts.add(
          new Chart(
                  "ROC curve: hit rate against false alarms",
                  Axis.shares("False alarms"),
                  Axis.shares("Hits"))
              .guide(0, 0, 1, 1)
              .band(column(roc, 0), ends(column(roc, 1), false), ends(column(roc, 1), true))
              .line("ROC", column(roc, 0), column(roc, 1))
              .svg());
    }
    double[][] det = points("det");
    if (det.length > 0) {
      charts.add(
          new Chart(
                  "DET curve: misses against false alarms",
                  Axis.errorRates("False alarms"),
                  Axis.errorRates("Misses"))
              .guide(0.0005, 0.0005, 0.6, 0.6)
              .band(column(det, 0), ends(column(det, 1), false), ends(column(det, 1), true))
              .line("DET", column(det, 0), column(det, 1))
              .svg());
    }
    result.object("calibration").ifPresent(c -> charts.add(reliability(c)));
    return charts;
  }

  private double[][] points(String key) {
    return result.rows(key).stream().filter(row -> row.length >= 2).toArray(double[][]::new);
  }

  private static double[] column(double[][] rows, int at) {
    return Stream.of(rows).mapToDouble(row -> row[at]).toArray();
  }

  /**
   * Low or high ends of 95 % intervals (Wilson) of shares of the positive class. NaN, which draws
   * no band, where images have groups: the interval would be too narrow.
   */
  private double[] ends(double[] shares, boolean high) {
    int positive = result.text("positive").map(classes::indexOf).orElse(-1);
    List<double[]> confusion = result.rows("confusion");
    boolean grouped = !result.text("group").orElse("").isEmpty();
    long total =
        grouped || positive < 0 || positive >= confusion.size()
            ? 0
            : Math.round(DoubleStream.of(confusion.get(positive)).sum());
    return DoubleStream.of(shares)
        .map(
            share ->
                new Proportion(Math.round(share * total), total)
                    .interval()
                    .map(i -> high ? i.high() : i.low())
                    .orElse(Double.NaN))
        .toArray();
  }

  private String reliability(JsonTree calibration) {
    double least = classes.size() > 2 ? 0 : 0.5;
    Chart chart =
        new Chart(
                "Reliability: share of right verdicts against the probability that was said",
                Axis.shares("Probability said", least),
                Axis.shares("Right"))
            .guide(least, least, 1, 1);
    for (String kind : List.of("uncalibrated", "calibrated")) {
      List<JsonTree> bins = calibration.object(kind).map(k -> k.objects("bins")).orElse(List.of());
      double[] said = each(bins, "confidence");
      double[] right = each(bins, "accuracy");
      chart.line(kind, said, right).dots(said, right);
    }
    return chart.svg();
  }

  private static double[] each(List<JsonTree> objects, String key) {
    return objects.stream().mapToDouble(o -> o.number(key).orElse(Double.NaN)).toArray();
  }

  /** What the calibration of the validation set was worth on these images. */
  private void calibration(List<String> notes) {
    result
        .object("calibration")
        .ifPresent(
            c -> {
              Optional<JsonTree> after = c.object("calibrated");
              after
                  .flatMap(k -> k.number("expected_error"))
                  .ifPresent(
                      e ->
                          notes.add(
                              "Expected calibration error "
                                  + Numbers.percent(e)
                                  + c.object("uncalibrated")
                                      .flatMap(k -> k.number("expected_error"))
                                      .map(b -> ", without calibration " + Numbers.percent(b))
                                      .orElse("")
                                  + "."));
              covered(c).ifPresent(notes::add);
            });
  }

  private static Optional<String> covered(JsonTree c) {
    Optional<Double> error = c.number("error");
    Optional<Double> covered = c.object("covered").flatMap(s -> s.number("share"));
    Optional<Double> several = c.object("several").flatMap(s -> s.number("share"));
    return error.isPresent() && covered.isPresent() && several.isPresent()
        ? Optional.of(
            "Prediction sets that promise to be wrong on at most "
                + Numbers.percent(error.get())
                + " of the images hold the true class of "
                + Numbers.percent(covered.get())
                + "; "
                + Numbers.percent(several.get())
                + " hold more than one class: unsure.")
        : Optional.empty();
  }

  private List<Map<String, Object>> errors() {
    Optional<Path> data = result.text("data").map(Path::of);
    return result.objects("errors").stream()
        .limit(ERRORS)
        .map(
            e -> {
              Map<String, Object> error = new LinkedHashMap<>();
              error.put("file", e.text("id").orElse(""));
              error.put("truth", e.text("true").orElse(""));
              error.put("called", e.text("predicted").orElse(""));
              error.put("probability", e.number("probability").map(Numbers::percent).orElse(""));
              Optional<Path> file = e.text("file").flatMap(f -> below(data, Path.of(f)));
              error.put("image", file.flatMap(Thumbnails::of).orElse(""));
              return error;
            })
        .toList();
  }

  /** A file of the data folder: a result file from elsewhere must not show others. */
  private static Optional<Path> below(Optional<Path> data, Path file) {
    return data.map(d -> d.toAbsolutePath().normalize())
        .filter(d -> file.toAbsolutePath().normalize().startsWith(d))
        .map(d -> file);
  }
}
