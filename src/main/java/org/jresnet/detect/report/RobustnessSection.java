package org.jresnet.detect.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A grid of degradations, a file of {@link org.jresnet.detect.robustness.RobustnessFiles}. */
final class RobustnessSection {
  private final List<JsonTree> cells;

  private RobustnessSection(JsonTree grid) {
    cells = grid.objects("cells");
  }

  static Map<String, Object> of(JsonTree grid) {
    RobustnessSection section = new RobustnessSection(grid);
    Map<String, Object> model = new LinkedHashMap<>();
    model.put("name", grid.text("name").orElse(""));
    model.put("rows", section.cells.stream().map(RobustnessSection::row).toList());
    model.put("charts", section.charts());
    return model;
  }

  private static Map<String, Object> row(JsonTree cell) {
    String kind = cell.text("kind").orElse("");
    String text = cell.text("text").orElse("");
    return Map.of(
        "what",
        kind.equals("none") ? text : kind + ", " + text,
        "accuracy",
        cell.number("accuracy").map(Numbers::percent).orElse(""),
        "auc",
        cell.number("auc").map(Numbers::fraction).orElse(""),
        "interval",
        Numbers.interval(cell, "auc_interval").map(Numbers::fractions).orElse(""),
        "eer",
        cell.number("eer").map(Numbers::percent).orElse(""));
  }

  /** One small chart for each kind: AUC, or accuracy where there is none, by severity. */
  private List<String> charts() {
    if (cells.isEmpty()) {
      return List.of();
    }
    JsonTree start = cells.get(0);
    String figure = start.number("auc").isPresent() ? "auc" : "accuracy";
    Map<String, List<JsonTree>> kinds = new LinkedHashMap<>();
    for (JsonTree cell : cells.subList(1, cells.size())) {
      kinds
          .computeIfAbsent(cell.text("kind").orElse(""), k -> new ArrayList<>(List.of(start)))
          .add(cell);
    }
    List<String> charts = new ArrayList<>();
    kinds.forEach((kind, line) -> charts.add(chart(kind, figure, line)));
    return charts;
  }

  private static String chart(String kind, String figure, List<JsonTree> line) {
    int count = line.size();
    double[] x = new double[count];
    double[] y = new double[count];
    double[] low = new double[count];
    double[] high = new double[count];
    double least = 0.5;
    for (int i = 0; i < count; i++) {
      x[i] = i;
      y[i] = line.get(i).number(figure).orElse(Double.NaN);
      Optional<double[]> ends = Numbers.interval(line.get(i), figure + "_interval");
      low[i] = ends.map(e -> e[0]).orElse(Double.NaN);
      high[i] = ends.map(e -> e[1]).orElse(Double.NaN);
      least = low[i] < least ? low[i] : least;
    }
    String name = figure.equals("auc") ? "AUC" : "Accuracy";
    return new Chart(
            name + " by severity of " + kind,
            Axis.counts("Severity of " + kind + " (0: as they are)", 0, count - 1),
            Axis.linear(name, Math.floor(10 * least) / 10, 1))
        .band(x, low, high)
        .line(kind, x, y)
        .dots(x, y)
        .svg();
  }
}
