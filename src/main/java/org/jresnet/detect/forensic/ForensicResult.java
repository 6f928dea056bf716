package org.jresnet.detect.forensic;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.DoubleStream;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.base.Version;
import org.jresnet.data.Degradation;

/**
 * What the benchmark measured.
 *
 * <p>Keys of {@code forensic.json}: {@code settings} ({@link ForensicSettings}); {@code
 * generators}, their names; {@code matrix}, {@code bicubic_against_generator} and {@code
 * after_removal}, each a list of cells with {@code detector}, {@code generator}, {@code auc},
 * {@code auc_low} and {@code auc_high} (95 %, bootstrapped over scenes, seed 1), {@code eer},
 * {@code called_fake} and {@code false_alarms} (shares with a probability above 0.5); real images
 * are the camera's, in the second list those that were only scaled, and in the third list the fakes
 * went through the removal; {@code removal_psnr}, decibels by generator; {@code
 * real_images_through_removal}, by {@code detector} the {@code false_alarms} on the camera's images
 * and {@code false_alarms_after_removal} of the same; {@code robustness}, cells with {@code
 * detector}, {@code degradation} and {@code level} ({@link Degradation}) instead of {@code
 * generator}; {@code verdicts}, sentences; {@code seconds}; {@code jresnet}.
 *
 * @param settings how large it was
 * @param rows measurements by detector
 * @param degraded cells under degradations
 * @param psnr of the removal, by generator
 * @param seconds that everything took
 */
public record ForensicResult(
    ForensicSettings settings,
    Map<String, Row> rows,
    List<Degraded> degraded,
    Map<String, Double> psnr,
    double seconds) {
  /** The file that holds the result. */
  public static final String FILE = "forensic.json";

  /** Copies the collections, whose order is kept. */
  public ForensicResult {
    degraded = List.copyOf(degraded);
  }

  /**
   * A detector against every generator.
   *
   * @param against fakes and the camera's images
   * @param scaled fakes and real images that were only scaled
   * @param removed fakes after the removal and the camera's images
   * @param redrawnAlarms share of the camera's images that it calls fake after the removal
   */
  record Row(
      Map<String, Cell> against,
      Map<String, Cell> scaled,
      Map<String, Cell> removed,
      double redrawnAlarms) {
    /** The same share before the removal. */
    double alarms() {
      return against.values().iterator().next().falseAlarms();
    }
  }

  /** A detector under a degradation, or under none. */
  record Degraded(String detector, Optional<Degradation> degradation, Cell cell) {
    private String kind() {
      return degradation.map(d -> d.kind().id()).orElse("none");
    }

    private double level() {
      return degradation.map(Degradation::level).orElse(0.0);
    }

    private String title() {
      return degradation.isEmpty() ? kind() : Text.format("%s %s", kind(), level());
    }
  }

  /** Writes {@code forensic.json} and a README with the tables. */
  void write(Path folder) {
    AtomicFile.write(folder.resolve(FILE), Json.pretty(values()));
    AtomicFile.write(
        folder.resolve("README.md"),
        "# Forensic benchmark on drawn faces\n\n```\n" + String.join("\n", lines()) + "\n```\n");
  }

  /** As JSON. */
  public Map<String, Object> values() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("settings", settings);
    values.put("generators", ForensicSet.generators());
    values.put("matrix", cells(Row::against));
    values.put("bicubic_against_generator", cells(Row::scaled));
    values.put("after_removal", cells(Row::removed));
    values.put("removal_psnr", psnr);
    List<Map<String, Object>> alarms = new ArrayList<>();
    rows.forEach(
        (detector, row) -> {
          Map<String, Object> cell = new LinkedHashMap<>();
          cell.put("detector", detector);
          cell.put("false_alarms", row.alarms());
          cell.put("false_alarms_after_removal", row.redrawnAlarms());
          alarms.add(cell);
        });
    values.put("real_images_through_removal", alarms);
    List<Map<String, Object>> robustness = new ArrayList<>();
    for (Degraded d : degraded) {
      Map<String, Object> cell = new LinkedHashMap<>();
      cell.put("detector", d.detector());
      cell.put("degradation", d.kind());
      cell.put("level", d.level());
      cell.putAll(d.cell().values());
      robustness.add(cell);
    }
    values.put("robustness", robustness);
    values.put("verdicts", verdicts());
    values.put("seconds", seconds);
    values.put("jresnet", Version.number());
    return values;
  }

  private List<Map<String, Object>> cells(Function<Row, Map<String, Cell>> part) {
    List<Map<String, Object>> cells = new ArrayList<>();
    rows.forEach(
        (detector, row) ->
            part.apply(row)
                .forEach(
                    (generator, cell) -> {
                      Map<String, Object> values = new LinkedHashMap<>();
                      values.put("detector", detector);
                      values.put("generator", generator);
                      values.putAll(cell.values());
                      cells.add(values);
                    }));
    return cells;
  }

  /** What the figures say, whatever they are. */
  public List<String> verdicts() {
    List<String> generators = ForensicSet.generators();
    List<Double> own = new ArrayList<>();
    List<Double> others = new ArrayList<>();
    List<Double> leftOut = new ArrayList<>();
    List<Double> ownRemoved = new ArrayList<>();
    for (String g : generators) {
      rows.get(g).against().forEach((o, cell) -> (o.equals(g) ? own : others).add(cell.auc()));
      leftOut.add(rows.get(Detector.leftOut(g)).against().get(g).auc());
      ownRemoved.add(rows.get(g).removed().get(g).auc());
    }
    Row all = rows.get(Detector.ALL);
    List<String> verdicts = new ArrayList<>();
    verdicts.add("On its own generator a detector has an AUC of " + range(own) + ".");
    verdicts.add("On generators that it never saw, " + range(others) + ".");
    verdicts.add("Trained on all generators but one, it has on that one " + range(leftOut) + ".");
    verdicts.add(
        "After the removal of fingerprints, on its own generator, " + range(ownRemoved) + ".");
    verdicts.add(
        "Trained on all generators: "
            + range(aucs(all.against()))
            + " before the removal and "
            + range(aucs(all.removed()))
            + " after it.");
    verdicts.add(hardened(Detector.HARDENED, "Hardened with fakes that went through the removal"));
    verdicts.add(
        hardened(
            Detector.BALANCED,
            "Hardened with real and fake images that went through it, so that its own traces are no sign of a fake"));
    verdicts.add(
        "Against real images that were only scaled, the detector of all generators has "
            + range(aucs(all.scaled()))
            + ".");
    verdicts.add(
        "These are drawings and simulated generators: the figures show how to measure, and say nothing about real"
            + " generators.");
    return verdicts;
  }

  private String hardened(String detector, String how) {
    Row row = rows.get(detector);
    return Text.format(
        "%s: %s before and %s after; it calls %.0f %% of the camera's images fake, and %.0f %% of them after"
            + " they went through the removal.",
        how,
        range(aucs(row.against())),
        range(aucs(row.removed())),
        100 * row.alarms(),
        100 * row.redrawnAlarms());
  }

  private static List<Double> aucs(Map<String, Cell> cells) {
    return cells.values().stream().map(Cell::auc).toList();
  }

  private static String range(List<Double> values) {
    DoubleStream.Builder all = DoubleStream.builder();
    values.forEach(all::add);
    var statistics = all.build().summaryStatistics();
    return Text.format(
        "%.3f to %.3f (mean %.3f)",
        statistics.getMin(), statistics.getMax(), statistics.getAverage());
  }

  /** The tables and what they say, for people. */
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add("AUC of detectors (rows) on generators (columns); real images: the camera's");
    table(lines, Row::against);
    lines.add("");
    lines.add("Bicubic against generator: the same with real images that were only scaled");
    table(lines, Row::scaled);
    lines.add("");
    lines.add("After the removal of fingerprints; real images: the camera's, untouched");
    table(lines, Row::removed);
    lines.add(
        row(
            "PSNR of the removal, dB",
            psnr.values().stream().map(p -> Text.format("%.1f", p)).toList()));
    lines.add("");
    lines.add("Under degradations of real and fake images alike; fakes of all generators in turn");
    lines.add(row("", List.of(Detector.ALL, Detector.HARDENED, Detector.BALANCED)));
    Map<String, List<String>> byTitle = new LinkedHashMap<>();
    degraded.forEach(
        d -> byTitle.computeIfAbsent(d.title(), t -> new ArrayList<>()).add(d.cell().toString()));
    byTitle.forEach((title, cells) -> lines.add(row(title, cells)));
    lines.add("");
    lines.addAll(verdicts());
    return lines;
  }

  private void table(List<String> lines, Function<Row, Map<String, Cell>> part) {
    lines.add(row("", ForensicSet.generators()));
    rows.forEach(
        (detector, row) ->
            lines.add(
                row(detector, part.apply(row).values().stream().map(Cell::toString).toList())));
  }

  private static String row(String name, List<String> cells) {
    StringBuilder line = new StringBuilder(Text.format("%-24s", name));
    cells.forEach(cell -> line.append(Text.format("  %11s", cell)));
    return line.toString();
  }
}
