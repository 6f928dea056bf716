package org.jresnet.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import me.tongfei.progressbar.ProgressBar;
import org.jresnet.data.Dataset;
import org.jresnet.data.Grouping;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.data.Sample;
import org.jresnet.engine.Compute;
import org.jresnet.train.Classifier;
import org.jresnet.train.Evaluation;
import org.jresnet.train.Evaluator;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.RunFolder;
import picocli.CommandLine.Option;

/** How {@code compare} and {@code matrix} evaluate models on folders of images. */
@Heading("Data")
final class SetOptions {
  @Option(
      names = "--group",
      defaultValue = "",
      paramLabel = "REGEX",
      description = {
        "What is not independent, such as the images of one person, as a regular expression on the path below a data"
            + " folder: intervals draw groups whole."
      })
  private String group;

  @Option(
      names = "--positive",
      defaultValue = "",
      paramLabel = "NAME",
      description = "The class that AUC and EER speak of; by default as trained.")
  private String positive;

  @Option(names = "--batch", defaultValue = "16", description = "Images per pass.")
  @Within(min = 1, max = Within.BATCH)
  private int batch;

  @Option(
      names = "--bad-images",
      defaultValue = "skip",
      description = "skip (counted and listed) or stop.")
  private BadImages badImages;

  @Option(
      names = "--loader-threads",
      defaultValue = "2",
      description = "Threads that decode images.")
  @Within(min = 1, max = Within.THREADS)
  private int loaderThreads;

  /** Refuses a wrong pattern, or one that does not match, before any work. */
  Grouping grouping(List<Dataset> sets) {
    Arguments.requireRegex("--group", group);
    Grouping grouping = Grouping.of(group);
    for (Dataset set : sets) {
      for (Sample s : set.samples()) {
        grouping.key(s.id());
      }
    }
    return grouping;
  }

  /** Pattern of what belongs together; empty for none. */
  String group() {
    return group;
  }

  /** Class names, and the one that scores speak for: as asked for, or as a run was trained. */
  Evaluator.Labels labels(Path model, Dataset set) {
    String name =
        positive.isEmpty()
            ? RunFolder.recordOf(model).map(r -> r.options().positive()).orElse("")
            : positive;
    return new Evaluator.Labels(set.classes(), name);
  }

  /** Warns of images that are not new to a model, and counts them; see {@link SeenWarning}. */
  Map<String, Integer> seen(Path model, Dataset set) {
    return SeenWarning.of(model, set.samples(), loaderThreads);
  }

  /** Evaluates a model on a set. */
  Evaluation evaluate(
      Console console, LoadedModel loaded, Path model, Dataset set, Compute compute) {
    Arguments.requireBatchFits(batch, loaded.preprocess().size());
    Evaluator.LoaderOptions loading =
        new Evaluator.LoaderOptions(loaded.preprocess(), loaderThreads, badImages);
    try (Classifier classifier = Classifier.open(loaded, compute, console::note);
        ProgressBar bar = Progress.bar("Evaluating", set.samples().size(), " images")) {
      Evaluation e =
          classifier
              .evaluate(set.samples(), labels(model, set), batch, loading, done -> bar.stepTo(done))
              .withGroups(Grouping.of(group));
      new Report(console).badImages(e.badImages().values());
      return e;
    }
  }
}
