package org.jresnet.detect.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jresnet.base.Csv;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.base.Version;
import org.jresnet.data.JpegDecoder;
import org.jresnet.data.Split;
import org.jresnet.data.Split.Part;
import org.jresnet.detect.robustness.RobustnessFiles;
import org.jresnet.train.DataUse;
import org.jresnet.train.ModelCalibration;
import org.jresnet.train.RunFolder;
import org.jresnet.train.RunRecord;

/**
 * Gathers what a run's folder holds for its page. A part that was not measured is listed with the
 * command that measures it.
 */
public final class RunReport {
  private static final String TEST = "test.json";

  private final Path run;
  private final RunRecord record;
  private final Sources sources;
  private final Map<String, Object> model = new LinkedHashMap<>();
  private final List<Map<String, Object>> missing = new ArrayList<>();

  /**
   * What else goes on the page.
   *
   * @param audit folder of {@code jresnet audit --out}
   * @param matrix folder of {@code jresnet matrix --out}
   * @param explanations folder of {@code jresnet predict --explain}
   * @param commands that repeat the run, in their order
   */
  public record Sources(
      Optional<Path> audit,
      Optional<Path> matrix,
      Optional<Path> explanations,
      List<String> commands) {
    /** Copies the list. */
    public Sources {
      commands = List.copyOf(commands);
    }
  }

  private RunReport(Path run, RunRecord record, Sources sources) {
    this.run = run;
    this.record = record;
    this.sources = sources;
  }

  /**
   * The record of the run that a page is about.
   *
   * @throws UserError when the folder is that of no run, or the record cannot be read
   */
  public static RunRecord record(Path run) {
    return RunFolder.recordOf(run)
        .orElseThrow(
            () ->
                new UserError(
                    Text.format(
                        "%s is not the folder of a run: expected run.json in it; name the folder of"
                            + " jresnet train --out",
                        run)));
  }

  /**
   * The page of a run.
   *
   * @param run its folder
   * @param record of the run, see {@link #record}
   * @throws UserError when a file in the folder cannot be read, or a named folder does not hold
   *     what it should
   */
  public static String html(Path run, RunRecord record, Sources sources) {
    RunReport report = new RunReport(run, record, sources);
    report.fill();
    return Page.render(report.model);
  }

  private void fill() {
    model.put("title", run.toAbsolutePath().normalize().getFileName().toString());
    model.put("made", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    model.put("version", Version.number());
    List<Map<String, Object>> evaluations = evaluations();
    model.put("evaluations", evaluations);
    model.put("data", data());
    sources
        .audit()
        .ifPresentOrElse(
            folder -> model.put("audit", AuditSection.of(folder)),
            () ->
                missing(
                    "Audit of the data",
                    Text.format(
                        "./jresnet audit %s --out audit/, then report --audit audit/",
                        Text.shellWord(record.options().data()))));
    model.put("training", training());
    robustness();
    sources.matrix().ifPresent(folder -> model.put("matrix", MatrixSection.of(folder)));
    calibration();
    explanations();
    model.put("environment", environment());
    model.put("commands", sources.commands());
    model.put("missing", missing);
    model.put("hasMissing", !missing.isEmpty());
  }

  private void missing(String what, String command) {
    missing.add(Map.of("what", what, "command", command));
  }

  private String path() {
    return Text.shellWord(run);
  }

  private List<Path> results(String folder) {
    Path all = run.resolve(folder);
    if (!Files.isDirectory(all)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(all)) {
      return files
          .filter(f -> f.getFileName().toString().endsWith(".json"))
          .sorted(Comparator.comparing((Path f) -> !f.endsWith(TEST)).thenComparing(f -> f))
          .toList();
    } catch (IOException e) {
      throw new UserError(Text.format("the folder %s cannot be listed: %s", all, e), e);
    }
  }

  private List<Map<String, Object>> evaluations() {
    List<Map<String, Object>> sections = new ArrayList<>();
    boolean test = false;
    for (Path file : results(RunFolder.EVALUATIONS)) {
      boolean isTest = file.endsWith(TEST);
      JsonTree result = JsonTree.read(file, "an evaluation").orElseThrow();
      sections.add(EvaluationSection.of(result));
      test |= isTest;
      if (isTest) {
        headline(result);
      }
    }
    if (!test) {
      missing("The test set", "./jresnet evaluate " + path() + " --test");
    }
    if (sections.size() == (test ? 1 : 0)) {
      missing(
          "Images of another source, the figure that counts",
          "./jresnet evaluate " + path() + " DATA");
    }
    return sections;
  }

  private void headline(JsonTree test) {
    List<Map<String, Object>> tiles = new ArrayList<>();
    tile(tiles, test, "Test accuracy", "accuracy", true);
    tile(tiles, test, "AUC", "auc", false);
    tile(tiles, test, "Equal error rate", "eer", true);
    model.put("tiles", tiles);
  }

  private static void tile(
      List<Map<String, Object>> tiles, JsonTree test, String label, String key, boolean percent) {
    test.number(key)
        .ifPresent(
            v ->
                tiles.add(
                    Map.of(
                        "label",
                        label,
                        "value",
                        percent ? Numbers.percent(v) : Numbers.fraction(v),
                        "interval",
                        Numbers.interval(test, key + "_interval")
                            .map(e -> percent ? Numbers.percents(e) : Numbers.fractions(e))
                            .orElse("no interval"))));
  }

  private static List<Map<String, Object>> classes(Split split) {
    List<Map<String, Object>> classes = new ArrayList<>();
    for (int k = 0; k < split.classes().size(); k++) {
      int label = k;
      Map<String, Object> counts = new LinkedHashMap<>();
      counts.put("name", split.classes().get(k));
      for (Part part : Part.values()) {
        counts.put(part.id(), split.part(part).stream().filter(s -> s.label() == label).count());
      }
      classes.add(counts);
    }
    return classes;
  }

  private Map<String, Object> data() {
    Map<String, Object> data = new LinkedHashMap<>();
    data.put("folder", record.options().data());
    boolean listed = Files.exists(run.resolve(RunFolder.SPLIT));
    data.put("classes", listed ? classes(RunFolder.splitOf(run)) : List.of());
    String group = record.options().split().group();
    data.put(
        "group",
        group.isEmpty()
            ? "Images were split one by one: two images of one person may lie on both sides."
            : "What matches " + group + " lies on one side of the split.");
    List<String> leftOut =
        record.dataUse().leftOut().stream()
            .map((DataUse.LeftOut l) -> l.part() + ": " + l.reason())
            .toList();
    data.put("leftOut", leftOut);
    data.put("hasLeftOut", !leftOut.isEmpty());
    return data;
  }

  private Map<String, Object> training() {
    Map<String, Object> training = new LinkedHashMap<>();
    List<Map<String, Object>> rows = new ArrayList<>();
    var o = record.options();
    put(rows, "Network", o.network().model());
    put(rows, "Start", o.network().weights().isEmpty() ? "random" : o.network().weights());
    put(rows, "Input", o.input().preprocess().size() + " pixels");
    put(
        rows,
        "Optimizer",
        o.optimizer().kind().id() + ", learning rate " + o.optimizer().learningRate());
    put(rows, "Batch", o.batch() * o.accumulate());
    put(rows, "Epochs asked for", o.epochs());
    put(rows, "Seed", o.seed());
    training.put("rows", rows);
    Path metrics = run.resolve("metrics.csv");
    if (Files.exists(metrics)) {
      curves(training, Csv.read(metrics));
    } else {
      training.put("unfinished", "No epoch has ended yet.");
    }
    return training;
  }

  private static void put(List<Map<String, Object>> rows, String label, Object value) {
    rows.add(Map.of("label", label, "value", String.valueOf(value)));
  }

  private void curves(Map<String, Object> training, List<List<String>> rows) {
    List<String> header = rows.isEmpty() ? List.of() : rows.get(0);
    int epochs = rows.size() - 1;
    if (epochs < 1) {
      training.put("unfinished", "No epoch has ended yet.");
      return;
    }
    if (epochs < record.options().epochs()) {
      training.put(
          "unfinished",
          Text.format(
              "%s of %s epochs are done: the run was stopped early, or goes on.",
              epochs, record.options().epochs()));
    }
    double[] x = column(rows, header, "epoch");
    double[] trainLoss = column(rows, header, "train_loss");
    double[] valLoss = column(rows, header, "val_loss");
    double most = 0;
    for (double[] losses : List.of(trainLoss, valLoss)) {
      for (double v : losses) {
        most = Double.isFinite(v) ? Math.max(most, v) : most;
      }
    }
    Axis epoch = Axis.counts("Epoch", 1, epochs);
    training.put(
        "charts",
        List.of(
            new Chart("Cross-entropy by epoch", epoch, Axis.linear("Cross-entropy", 0, most * 1.05))
                .line("training", x, trainLoss)
                .line("validation", x, valLoss)
                .svg(),
            new Chart("Accuracy by epoch", epoch, Axis.shares("Accuracy"))
                .line("training", x, column(rows, header, "train_accuracy"))
                .line("validation", x, column(rows, header, "val_accuracy"))
                .svg()));
  }

  private static double[] column(List<List<String>> rows, List<String> header, String name) {
    int at = header.indexOf(name);
    return rows.stream()
        .skip(1)
        .mapToDouble(
            row -> {
              try {
                return at >= 0 && at < row.size() ? Double.parseDouble(row.get(at)) : Double.NaN;
              } catch (NumberFormatException e) {
                // A gap in the curve.
                return Double.NaN;
              }
            })
        .toArray();
  }

  private void calibration() {
    Path file = run.resolve(RunFolder.CALIBRATION);
    if (Files.exists(file)) {
      model.put(
          "calibration",
          CalibrationSection.of(Json.read(file, "the calibration", ModelCalibration.class)));
    } else {
      missing(
          "Calibration and operating points",
          "the end of ./jresnet train writes them, where there is a validation set");
    }
  }

  private void robustness() {
    List<Map<String, Object>> sections =
        results(RobustnessFiles.FOLDER).stream()
            .map(
                file ->
                    RobustnessSection.of(JsonTree.read(file, "a robustness grid").orElseThrow()))
            .toList();
    model.put("robustness", sections);
    model.put("hasRobustness", !sections.isEmpty());
    if (sections.isEmpty()) {
      missing("Robustness", "./jresnet evaluate " + path() + " DATA --robustness");
    }
  }

  private void explanations() {
    if (sources.explanations().isEmpty()) {
      missing(
          "Explanations",
          "./jresnet predict "
              + path()
              + " IMAGES --explain why/, then report --explanations why/");
      return;
    }
    Path folder = sources.explanations().get();
    model.put("explanations", ExplanationSection.of(folder));
    model.put("hasExplanations", true);
  }

  private List<Map<String, Object>> environment() {
    List<Map<String, Object>> rows = new ArrayList<>();
    put(rows, "jresnet", record.jresnet());
    put(rows, "Java", record.java());
    put(rows, "Backend", record.backend());
    put(rows, "Precision", record.options().network().precision().id());
    JpegDecoder jpeg = record.options().input().preprocess().decoding().jpeg();
    if (!jpeg.equals(JpegDecoder.CPU)) {
      String cpu = Text.count(record.dataUse().onCpu(), "image");
      put(rows, "JPEG files decoded by", Text.format("%s, %s by the CPU", jpeg.id(), cpu));
    }
    put(rows, "Data (SHA-256 of ids and labels)", record.dataHash());
    put(rows, "Contents (SHA-256)", record.contentHash());
    put(rows, "Split (SHA-256)", record.splitHash());
    return rows;
  }
}
