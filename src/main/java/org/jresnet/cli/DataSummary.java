package org.jresnet.cli;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jresnet.base.Text;
import org.jresnet.data.ClassStatistics;
import org.jresnet.data.Dataset;
import org.jresnet.data.ImageFeature;
import org.jresnet.data.Sample;
import org.jresnet.data.Split.Part;
import org.jresnet.train.DataReport;

/** Shows what a run is about to learn from, and warns where that is not what it seems. */
final class DataSummary {
  private static final int MAX_CLASSES = 10;
  private static final int MAX_NAMES = 3;

  private static final List<List<ImageFeature>> LINES =
      List.of(
          List.of(
              ImageFeature.SIZE,
              ImageFeature.SHORTER_SIDE,
              ImageFeature.ASPECT_RATIO,
              ImageFeature.ORIENTATION),
          List.of(
              ImageFeature.FORMAT,
              ImageFeature.JPEG_QUALITY,
              ImageFeature.SAMPLING,
              ImageFeature.BYTES_PER_PIXEL,
              ImageFeature.COLOR_PROFILE));

  private final Console console;

  DataSummary(Console console) {
    this.console = console;
  }

  void print(DataReport report) {
    List<String> classes = report.split().classes();
    for (int label = 0; label < Math.min(classes.size(), MAX_CLASSES); label++) {
      classSummary(report, label);
    }
    if (classes.size() > MAX_CLASSES) {
      console.print("and %d more classes", classes.size() - MAX_CLASSES);
    }
    if (classes.size() == 2) {
      positive(console, classes, report.positive());
    }
    if (report.leftOutPerEpoch() > 0) {
      console.print(
          "Each epoch leaves out %d of %d training images, others each time, because they fill no batch"
              + " (--drop-last=false trains on them)",
          report.leftOutPerEpoch(), report.split().part(Part.TRAIN).size());
    }
    duplicates(report);
    shortcuts(report);
  }

  private void classSummary(DataReport report, int label) {
    ClassStatistics statistics = report.statistics();
    int wanted = label;
    Map<String, Long> parts =
        report.split().parts().entrySet().stream()
            .collect(
                Collectors.toMap(
                    e -> e.getKey().id(),
                    e -> e.getValue().stream().filter(s -> s.label() == wanted).count(),
                    (a, b) -> a,
                    java.util.LinkedHashMap::new));
    console.print(
        "Class %d '%s': %s (%s)",
        label,
        statistics.classes().get(label),
        Text.count(parts.values().stream().mapToLong(Long::longValue).sum(), "image"),
        parts.entrySet().stream()
            .map(e -> e.getKey() + " " + e.getValue())
            .collect(Collectors.joining(", ")));
    for (List<ImageFeature> line : LINES) {
      console.print(
          "  %s",
          line.stream()
              .map(f -> f.text() + " " + statistics.describe(f, wanted))
              .collect(Collectors.joining("; ")));
    }
  }

  /** Says which class a score speaks for, and why. */
  static void positive(Console console, List<String> classes, String positive) {
    console.print(
        "Positive class: '%s'%s",
        positive,
        positive.equals(Dataset.positive(classes)) ? " (--positive NAME takes the other)" : "");
  }

  private void duplicates(DataReport report) {
    List<List<Sample>> contradictions = report.duplicates().acrossClasses();
    List<List<Sample>> shared = report.duplicates().acrossParts(report.split());
    if (!contradictions.isEmpty()) {
      Console.printError(
          "WARNING: %s in more than one class, byte for byte: one of the labels is wrong. Delete the wrong copies:",
          Text.count(contradictions.size(), "image"));
      names(contradictions);
    }
    if (!shared.isEmpty()) {
      Map<Part, Integer> trainedOn = report.duplicates().trainedOn(report.split());
      Console.printError(
          "WARNING: %s in more than one part of the split, byte for byte (%d of val and %d of test are trained on):"
              + " the results are better than they should be. Delete the copies:",
          Text.count(shared.size(), "image"),
          trainedOn.getOrDefault(Part.VAL, 0),
          trainedOn.getOrDefault(Part.TEST, 0));
      names(shared);
    }
    int copies = report.duplicates().copies();
    if (copies > 0 && contradictions.isEmpty() && shared.isEmpty()) {
      console.note(
          Text.count(copies, "image") + " repeated, byte for byte, in the same class and part");
    }
  }

  private static void names(List<List<Sample>> groups) {
    groups.stream()
        .limit(MAX_NAMES)
        .forEach(
            g ->
                Console.printError(
                    "  %s", g.stream().map(Sample::id).collect(Collectors.joining(" = "))));
    if (groups.size() > MAX_NAMES) {
      Console.printError("  and %d more", groups.size() - MAX_NAMES);
    }
  }

  private void shortcuts(DataReport report) {
    List<DataReport.Shortcut> shortcuts = report.shortcuts();
    if (shortcuts.isEmpty()) {
      return;
    }
    ClassStatistics statistics = report.statistics();
    Console.printError(
        "WARNING: the classes can be told apart without a look at the images, so the result will not mean what it seems to:");
    for (DataReport.Shortcut s : shortcuts) {
      Console.printError(
          "  %s alone: balanced accuracy %.2f %% (95 %% interval %s)",
          s.feature().text(),
          100 * s.separation().balancedAccuracy(),
          s.separation().interval().percent());
      for (int k = 0; k < Math.min(statistics.classes().size(), MAX_CLASSES); k++) {
        Console.printError(
            "    %s: %s", statistics.classes().get(k), statistics.describe(s.feature(), k));
      }
    }
    Console.printError(
        "  A network learns such traces first; on images from elsewhere it then fails, however good the test result is.");
    Console.printError(
        "  Bring both classes to one size, format and compression: crop and resize the originals alike, save all of them");
    Console.printError(
        "  with one program at one setting, and take both classes from alike sources. Then evaluate on another source.");
  }
}
