package org.jresnet.cli;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import me.tongfei.progressbar.ProgressBar;
import org.jresnet.data.Degradation;
import org.jresnet.data.Degradation.Kind;
import org.jresnet.data.Grouping;
import org.jresnet.data.Sample;
import org.jresnet.detect.robustness.RobustnessFiles;
import org.jresnet.detect.robustness.RobustnessGrid;
import org.jresnet.train.Classifier;
import org.jresnet.train.EvaluationFile;
import org.jresnet.train.Evaluator;
import org.jresnet.train.RunFolder;
import picocli.CommandLine.Option;

/** The robustness grid of {@code evaluate}. */
@Heading("Robustness")
final class RobustnessOptions {
  @Option(
      names = "--robustness",
      description = {
        "Also evaluate after what happens to images on their way, in several severities: a table,"
            + " and JSON, CSV and curves in the run's folder robustness."
      })
  private boolean on;

  @Option(
      names = "--degradations",
      split = ",",
      paramLabel = "NAME",
      description = {
        "Only these of --robustness: jpeg, double-jpeg, downscale, upscale, blur, noise, crop,"
            + " darker, brighter, chat, screenshot."
      })
  private List<String> names;

  /**
   * What is evaluated.
   *
   * @param model run folder or weights
   * @param samples images
   * @param labels class names, and the one that scores speak for
   * @param group what belongs together
   * @param batch images per pass
   * @param loading how images are read
   * @param origin of the evaluation
   */
  record Subject(
      Path model,
      List<Sample> samples,
      Evaluator.Labels labels,
      Grouping group,
      int batch,
      Evaluator.LoaderOptions loading,
      EvaluationFile.Origin origin) {}

  /** Whether the grid was asked for. */
  boolean on() {
    return on;
  }

  /** Checks the names before any work. */
  void require() {
    if (names != null && !on) {
      throw new UsageError("--degradations belongs to --robustness");
    }
    kinds();
  }

  private List<Kind> kinds() {
    return names == null ? Arrays.asList(Kind.values()) : Degradation.kinds(names);
  }

  /** Measures, shows and saves the grid, if it was asked for. */
  void run(Console console, Classifier classifier, Subject subject) {
    if (!on) {
      return;
    }
    List<Degradation> grid = Degradation.grid(kinds());
    List<RobustnessGrid.Cell> cells;
    int images = (grid.size() + 1) * subject.samples().size();
    try (ProgressBar bar = Progress.bar("Degrading", images, " images")) {
      cells =
          RobustnessGrid.measure(
              classifier,
              subject.samples(),
              subject.labels(),
              subject.group(),
              subject.batch(),
              subject.loading(),
              grid,
              done -> bar.stepTo(done));
    }
    console.print("%nAfter degradations, with 95 %% intervals:");
    console.print("  %-12s %-38s %-28s %-26s %s", "", "", "accuracy", "AUC", "EER");
    for (RobustnessGrid.Cell cell : cells) {
      console.print(
          "  %-12s %-38s %-28s %-26s %s",
          cell.severity() > 1 ? "" : RobustnessFiles.kind(cell),
          RobustnessFiles.text(cell),
          cell.figures().accuracyText(),
          cell.figures().aucText(),
          cell.figures().eerText());
    }
    Optional<Path> folder = RunFolder.folderOf(subject.model());
    if (folder.isEmpty()) {
      console.note("the model belongs to no run, so the grid is not saved");
      return;
    }
    Map<String, Object> origin = new LinkedHashMap<>();
    origin.put("name", subject.origin().name());
    origin.put("command", subject.origin().command());
    origin.put("model", subject.model().toString());
    origin.put("data", subject.origin().data());
    origin.put("group", subject.origin().group());
    origin.put("environment", subject.origin().environment().values());
    origin.put("classes", subject.labels().classes());
    origin.put("positive", subject.labels().positive());
    console.print(
        "Saved as %s, .csv and .png",
        RobustnessFiles.write(folder.get(), subject.origin().name(), origin, cells));
  }
}
