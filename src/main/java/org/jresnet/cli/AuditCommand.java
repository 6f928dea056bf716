package org.jresnet.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import me.tongfei.progressbar.ProgressBar;
import org.jresnet.base.Text;
import org.jresnet.data.ImageFolder;
import org.jresnet.detect.audit.Audit;
import org.jresnet.detect.audit.AuditFolder;
import org.jresnet.detect.audit.AuditReport;
import org.jresnet.detect.audit.AuditReport.Attempt;
import org.jresnet.detect.audit.AuditReport.ClassFacts;
import org.jresnet.detect.audit.AuditReport.Spread;
import org.jresnet.detect.audit.Equaliser;
import org.jresnet.detect.audit.Finding;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet audit}. */
@Command(
    name = "audit",
    sortOptions = false,
    description = {
      "Looks for what a network could learn from a set of images instead of the face: size, format and compression,"
          + " metadata, copies, groups on both sides, light and noise."
    })
final class AuditCommand implements Callable<Integer> {
  private static final int MAX_CLASSES = 10;
  private static final int PROBLEMS = 3;

  @Parameters(
      index = "0",
      paramLabel = "DATA",
      description =
          "Folder with one folder per class, or with the folders train, val and test of such folders.")
  private String data;

  @Option(
      names = "--group",
      defaultValue = "",
      paramLabel = "REGEX",
      description = {
        "What belongs together, as a regular expression on the path below DATA (below the part), such as 'person\\d+'."
      })
  private String group;

  @Option(
      names = "--strict",
      description = "End with exit code 3 if anything serious, or a warning, was found.")
  private boolean strict;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads that decode images; by default as many as there are processors.")
  @Within(min = 1, max = Within.THREADS)
  private int threads = Runtime.getRuntime().availableProcessors();

  @Heading("Output")
  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Also write audit.json, spectrum.png and examples.png into this folder.")
  private Path out;

  @Option(names = "--overwrite", description = "Replace an audit in the folder of --out.")
  private boolean overwrite;

  @Option(
      names = "--json",
      description = "Print the findings as a JSON object; progress goes to standard error.")
  private boolean json;

  @Heading("Copy without the differences")
  @Option(
      names = "--equalise",
      paramLabel = "DIR",
      description = {
        "Write a copy of the set whose classes went through the same crop, resize and JPEG compression into this new folder,"
            + " and try there again what a model without a face can tell."
      })
  private Path equalise;

  @Option(
      names = "--seed",
      defaultValue = "42",
      description = "Seed of the JPEG qualities of --equalise.")
  @Within
  private long seed;

  @Override
  public Integer call() {
    Arguments.requireRegex("--group", group);
    Console console = new Console(json);
    Path root = ImageFolder.expand(data);
    Audit audit = Audit.of(root, group);
    if (out != null) {
      audit.requireOutside("--out", out);
      AuditFolder.open(out, overwrite);
    }
    Equaliser equaliser = equalise == null ? null : Equaliser.of(audit, equalise, seed);
    AuditReport report;
    try (ProgressBar bar = Progress.bar("Reading", audit.images(), " images")) {
      report = audit.run(threads, done -> step(bar, done), () -> false);
    }
    if (out != null) {
      AuditFolder.write(out, report, root);
    }
    print(console, report);
    Map<String, Object> values = values(report);
    if (out != null) {
      console.print("%nSaved as %s", out.resolve(AuditFolder.REPORT));
      values.put("out", out.toString());
    }
    if (equaliser != null) {
      values.put("equalised", equalise(console, equaliser, report));
    }
    console.object(values);
    return strict && report.hasProblems() ? PROBLEMS : 0;
  }

  /** Of many images the comparisons take a while after the last one was read. */
  private static void step(ProgressBar bar, int done) {
    bar.step();
    if (done == bar.getMax()) {
      bar.setExtraMessage("comparing them");
    }
  }

  private Map<String, Object> equalise(Console console, Equaliser equaliser, AuditReport before) {
    Equaliser.Result result;
    try (ProgressBar bar = Progress.bar("Equalising", before.images(), " images")) {
      result = equaliser.write(threads, done -> bar.step(), () -> false);
    }
    console.print("%nThe equalised copy %s: %s", equalise, result.text());
    Audit copy = Audit.of(equalise, group);
    AuditReport after;
    try (ProgressBar bar = Progress.bar("Reading the copy", copy.images(), " images")) {
      after = copy.run(threads, done -> step(bar, done), () -> false);
    }
    opponent(console, after);
    if (after.opponent().attempts().stream().anyMatch(a -> a.low() > 0.5)) {
      Console.printError(
          "WARNING: the copy can still be told apart without a face: what is left comes from the images' content or from"
              + " losses that no later compression takes back. Take the classes from alike sources.");
    }
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("folder", equalise.toString());
    values.put("images", result.images());
    values.put("opponent", attempts(after));
    return values;
  }

  private static void print(Console console, AuditReport report) {
    console.print(
        "%s in %d classes", Text.count(report.images(), "image"), report.classes().size());
    report.classes().stream().limit(MAX_CLASSES).forEach(c -> print(console, c));
    if (report.classes().size() > MAX_CLASSES) {
      console.print("and %d more classes", report.classes().size() - MAX_CLASSES);
    }
    console.print(
        "%nCopies: %d images byte for byte, %d with the same pixels in other files, %d that look the same",
        report.sameBytes().copies(),
        report.samePixels().copies(),
        report.nearDuplicates().copies());
    report
        .groups()
        .forEach(
            g ->
                console.print(
                    "Groups: %d, the largest of %d images; %d in more than one class",
                    g.groups(), g.largest(), g.acrossClasses()));
    opponent(console, report);
    if (report.findings().isEmpty()) {
      console.print("%nNothing was found. That does not prove that there is nothing.");
    }
    for (Finding f : report.findings()) {
      console.print("%n%s %s", f.severity().id().toUpperCase(Locale.ROOT), f.id());
      console.print("  %s", f.text());
      console.print("  -> %s", f.advice());
    }
  }

  private static void opponent(Console console, AuditReport report) {
    if (!report.opponent().reason().isEmpty()) {
      console.print("Metadata opponent: not run, it %s", report.opponent().reason());
      return;
    }
    console.print(
        "Metadata opponent, which sees no face (%d images, %d folds), 0.5 is guessing:",
        report.opponent().images(), report.opponent().folds());
    for (Attempt a : report.opponent().attempts()) {
      console.print(
          "  %-28s AUC %.3f (95 %% interval %.3f to %.3f)%s",
          switch (a.features()) {
            case "file" -> "files' properties";
            case "pixels" -> "low-order pixel statistics";
            default -> "both";
          },
          a.auc(),
          a.low(),
          a.high(),
          report.classes().size() > 2 ? Text.format(", '%s' against the rest", a.className()) : "");
    }
  }

  private static void print(Console console, ClassFacts c) {
    String parts =
        c.parts().entrySet().stream()
            .map(e -> e.getKey() + " " + e.getValue())
            .collect(Collectors.joining(", "));
    console.print(
        "%nClass '%s': %s%s%s",
        c.name(),
        Text.count(c.images(), "image"),
        parts.isEmpty() ? "" : " (" + parts + ")",
        c.unreadable().isEmpty() ? "" : ", some of which cannot be decoded");
    for (List<String> line :
        List.of(
            List.of("size", "format", "colours"),
            List.of("JPEG quality", "JPEG tables", "JPEG sub-sampling"),
            List.of("EXIF", "camera", "software", "colour profile"))) {
      console.print(
          "  %s",
          line.stream()
              .map(name -> name + " " + mostFrequent(c, name))
              .collect(Collectors.joining("; ")));
    }
    console.print(
        "  %s",
        List.of("bytes per pixel", "brightness", "contrast", "noise").stream()
            .filter(c.numbers()::containsKey)
            .map(name -> name + " " + spread(c.numbers().get(name)))
            .collect(Collectors.joining("; ")));
    if (c.doubleCompression().tested() > 0) {
      console.print(
          "  earlier JPEG compression seen in %d of %d JPEGs",
          c.doubleCompression().found(), c.doubleCompression().tested());
    }
  }

  private static String mostFrequent(ClassFacts c, String name) {
    Map<String, Integer> values = c.values().getOrDefault(name, Map.of());
    String first =
        values.entrySet().stream()
            .limit(3)
            .map(e -> values.size() == 1 ? e.getKey() : e.getKey() + " (" + e.getValue() + ")")
            .collect(Collectors.joining(", "));
    int others = c.distinct().getOrDefault(name, 0) - 3;
    return first.isEmpty()
        ? "unknown"
        : others <= 0 ? first : Text.format("%s, %s more", first, others);
  }

  private static String spread(Spread s) {
    return Text.format("%.2f to %.2f, median %.2f", s.min(), s.max(), s.median());
  }

  private static Map<String, Object> values(AuditReport report) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("images", report.images());
    values.put("unreadable", report.unreadable());
    values.put(
        "findings",
        report.findings().stream()
            .map(
                f ->
                    Map.of(
                        "severity", f.severity().id(),
                        "id", f.id(),
                        "text", f.text(),
                        "evidence", f.evidence(),
                        "advice", f.advice()))
            .toList());
    values.put("opponent", attempts(report));
    return values;
  }

  private static Map<String, Object> attempts(AuditReport report) {
    Map<String, Object> values = new LinkedHashMap<>();
    for (Attempt a : report.opponent().attempts()) {
      values.put(a.features(), Map.of("auc", a.auc(), "auc_interval", List.of(a.low(), a.high())));
    }
    return values;
  }
}
