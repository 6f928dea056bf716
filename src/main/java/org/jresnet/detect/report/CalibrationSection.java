package org.jresnet.detect.report;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.metrics.Calibration;
import org.jresnet.metrics.OperatingPoint;
import org.jresnet.metrics.Proportion;
import org.jresnet.train.ModelCalibration;
import org.jresnet.train.ModelCalibration.Reliability;

/** Temperature, reliability before and after, operating points. */
final class CalibrationSection {
  private CalibrationSection() {}

  static Map<String, Object> of(ModelCalibration c) {
    Map<String, Object> model = new LinkedHashMap<>();
    model.put("images", c.images());
    model.put("temperature", Numbers.fraction(c.temperature().value()));
    model.put("rows", List.of(row("Before", c.before()), row("After", c.after())));
    double least = c.points().isEmpty() ? 0 : 0.5;
    Chart chart =
        new Chart(
                "Reliability on validation, before and after the temperature",
                Axis.shares("Probability said", least),
                Axis.shares("Right"))
            .guide(least, least, 1, 1);
    add(chart, "before", c.before());
    add(chart, "after", c.after());
    model.put("chart", chart.svg());
    model.put("positive", c.positive());
    model.put("points", c.points().stream().map(p -> point(p, c)).toList());
    model.put("hasPoints", !c.points().isEmpty());
    return model;
  }

  private static void add(Chart chart, String name, Reliability r) {
    double[] said = r.bins().stream().mapToDouble(Calibration.Bin::confidence).toArray();
    double[] right = r.bins().stream().mapToDouble(b -> b.correct().share()).toArray();
    chart.line(name, said, right).dots(said, right);
  }

  private static Map<String, Object> row(String label, Reliability r) {
    return Map.of(
        "label",
        label,
        "error",
        Numbers.percent(r.expectedError()),
        "brier",
        Numbers.fraction(r.brier()),
        "loss",
        Numbers.fraction(r.loss()));
  }

  private static Map<String, Object> point(OperatingPoint p, ModelCalibration c) {
    return Map.of(
        "name",
        p.name(),
        "probability",
        Numbers.percent(c.probability(p.threshold())),
        "interval",
        Numbers.percents(
            new double[] {c.probability(p.interval().low()), c.probability(p.interval().high())}),
        "falseAlarms",
        share(p.falseAlarms()),
        "hits",
        share(p.hits()),
        "note",
        p.enough() ? "" : "too few negatives to promise this rate");
  }

  private static String share(Proportion p) {
    return Optional.of(p).filter(q -> q.total() > 0).map(Proportion::toString).orElse("none");
  }
}
