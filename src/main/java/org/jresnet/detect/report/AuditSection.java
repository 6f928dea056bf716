package org.jresnet.detect.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.detect.audit.AuditFolder;
import org.jresnet.detect.audit.AuditReport;
import org.jresnet.detect.audit.AuditReport.Attempt;
import org.jresnet.detect.audit.AuditReport.ClassFacts;
import org.jresnet.detect.audit.AuditReport.Spread;
import org.jresnet.detect.audit.Finding;

/** What {@code jresnet audit} found. */
final class AuditSection {
  /** Classes that are drawn: as many as there are colours. */
  private static final int MAX_CLASSES = 6;

  /** Properties whose distribution is drawn where the images differ in them. */
  private static final List<String> DISTRIBUTIONS =
      List.of("shorter side", "JPEG quality", "bytes per pixel", "brightness", "noise");

  private AuditSection() {}

  static Map<String, Object> of(Path folder) {
    AuditReport report = AuditFolder.read(folder);
    Map<String, Object> model = new LinkedHashMap<>();
    model.put("data", report.data());
    model.put("images", report.images());
    model.put("unreadable", report.unreadable());
    model.put("findings", report.findings().stream().map(AuditSection::finding).toList());
    model.put("clean", !report.hasProblems());
    model.put(
        "attempts", report.opponent().attempts().stream().map(AuditSection::attempt).toList());
    model.put("noOpponent", report.opponent().reason());
    List<String> charts = new ArrayList<>(spectra(report));
    DISTRIBUTIONS.forEach(name -> distribution(report, name).ifPresent(charts::add));
    model.put("charts", charts);
    model.put("examples", image(folder.resolve(AuditFolder.EXAMPLES)));
    return model;
  }

  private static Map<String, Object> finding(Finding f) {
    return Map.of("severity", f.severity().id(), "text", f.text(), "advice", f.advice());
  }

  private static Map<String, Object> attempt(Attempt a) {
    String features =
        switch (a.features()) {
          case "file" -> "the file alone (size, compression, metadata)";
          case "pixels" -> "low-order statistics of the pixels";
          default -> "both";
        };
    return Map.of(
        "features",
        features,
        "auc",
        Numbers.fraction(a.auc()),
        "interval",
        Numbers.fractions(new double[] {a.low(), a.high()}),
        "strongest",
        String.join(", ", a.strongest().keySet()));
  }

  /** Which share of each class lies where; all classes have the same bins. */
  private static Optional<String> distribution(AuditReport report, String name) {
    List<ClassFacts> drawn =
        report.classes().stream()
            .filter(c -> c.numbers().containsKey(name))
            .limit(MAX_CLASSES)
            .toList();
    if (drawn.isEmpty()) {
      return Optional.empty();
    }
    Spread bins = drawn.get(0).numbers().get(name);
    if (bins.from() >= bins.to()) {
      return Optional.empty();
    }
    int count = bins.histogram().size();
    double width = (bins.to() - bins.from()) / count;
    double[] middles = new double[count];
    for (int b = 0; b < count; b++) {
      middles[b] = bins.from() + (b + 0.5) * width;
    }
    List<double[]> shares = new ArrayList<>();
    double most = 0;
    for (ClassFacts c : drawn) {
      Spread spread = c.numbers().get(name);
      double[] percent =
          spread.histogram().stream().mapToDouble(n -> 100.0 * n / spread.count()).toArray();
      most = Math.max(most, Arrays.stream(percent).max().orElse(0));
      shares.add(percent);
    }
    Chart chart =
        new Chart(
            "How the classes differ in " + name,
            Axis.linear(name, bins.from(), bins.to()),
            Axis.linear("Images of the class, %", 0, most));
    for (int c = 0; c < drawn.size(); c++) {
      chart.line(drawn.get(c).name(), middles, shares.get(c));
    }
    return Optional.of(chart.svg());
  }

  private static List<String> spectra(AuditReport report) {
    double[] x = doubles(report.spectrum().frequencies());
    List<ClassFacts> drawn =
        report.classes().stream()
            .filter(c -> c.spectrum().size() == x.length && x.length > 1)
            .limit(MAX_CLASSES)
            .toList();
    if (drawn.isEmpty()) {
      return List.of();
    }
    double low = Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    for (ClassFacts c : drawn) {
      for (double v : c.spectrum()) {
        low = Math.min(low, v);
        high = Math.max(high, v);
      }
    }
    Axis frequency = Axis.linear("Cycles per pixel", 0, 0.5);
    Chart spectra =
        new Chart(
            "Mean spectrum of each class", frequency, Axis.linear("log10 of the power", low, high));
    for (ClassFacts c : drawn) {
      spectra.line(c.name(), x, doubles(c.spectrum()));
    }
    List<String> charts = new ArrayList<>(List.of(spectra.svg()));
    double[] effect = doubles(report.spectrum().effect());
    if (effect.length == x.length) {
      double most = 1;
      for (double e : effect) {
        most = Double.isFinite(e) ? Math.max(most, Math.abs(e)) : most;
      }
      charts.add(
          new Chart(
                  "Difference of the spectra in standard deviations",
                  frequency,
                  Axis.linear("Difference in standard deviations", -most, most))
              .guide(0, 0, 0.5, 0)
              .line("difference", x, effect)
              .svg());
    }
    return charts;
  }

  private static double[] doubles(List<Double> list) {
    return list.stream().mapToDouble(v -> v == null ? Double.NaN : v).toArray();
  }

  private static String image(Path file) {
    try {
      return Files.exists(file) ? Thumbnails.png(file) : "";
    } catch (IOException e) {
      throw new UserError(Text.format("%s cannot be read: %s", file, e), e);
    }
  }
}
