package org.jresnet.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import me.tongfei.progressbar.ProgressBar;
import org.jresnet.base.Text;
import org.jresnet.data.Grouping;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.engine.Compute;
import org.jresnet.train.Classifier;
import org.jresnet.train.Evaluation;
import org.jresnet.train.EvaluationFile;
import org.jresnet.train.Evaluator;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.SealedTest;
import org.jresnet.train.TrainOptions;

/** Opens the sealed test set of a run: {@code evaluate --test}, and the end of the demo. */
final class TestEvaluation {
  /** Of the result's files. */
  static final String NAME = "test";

  private static final int SHOWN = 5;

  /**
   * What came out.
   *
   * @param code exit code: 1 where files are missing, changed or cannot be decoded
   * @param values for machines
   */
  record Outcome(int code, Map<String, Object> values) {}

  private final Console console;
  private final LoadedModel loaded;
  private final int batch;
  private final int loaderThreads;
  private final BadImages badImages;

  TestEvaluation(
      Console console, LoadedModel loaded, int batch, int loaderThreads, BadImages badImages) {
    this.console = console;
    this.loaded = loaded;
    this.batch = batch;
    this.loaderThreads = loaderThreads;
    this.badImages = badImages;
  }

  /**
   * What is asked for.
   *
   * @param data the data folder, where it has moved
   * @param positive the class that scores speak for; empty for that of the run
   * @param group what belongs together; empty for that of the split
   * @param command that was given
   */
  record Request(Optional<String> data, String positive, String group, String command) {}

  /**
   * Opens the seal, says what was changed or is missing, evaluates, counts and shows the result.
   *
   * @param robustness what else is measured on the images
   * @return what it came to
   */
  Outcome run(Path model, Request request, Compute compute, RobustnessOptions robustness) {
    try (SealedTest test =
            SealedTest.of(
                model, request.data().map(ImageFolder::expand), loaderThreads, console::note);
        Classifier classifier = Classifier.open(loaded, compute, console::note)) {
      changes("missing", test.missing());
      changes("changed since the run began", test.changed());
      TrainOptions trained = test.run().options();
      String positive = request.positive().isEmpty() ? trained.positive() : request.positive();
      String pattern = request.group().isEmpty() ? trained.split().dividedBy() : request.group();
      Grouping grouping = Grouping.of(pattern);
      Evaluator.Labels labels = new Evaluator.Labels(test.classes(), positive);
      Evaluator.LoaderOptions loading =
          new Evaluator.LoaderOptions(classifier.preprocess(), loaderThreads, badImages);
      Evaluation result;
      try (ProgressBar bar = Progress.bar("Testing", test.samples().size(), " images")) {
        result =
            classifier
                .evaluate(test.samples(), labels, batch, loading, done -> bar.stepTo(done))
                .withGroups(grouping);
      }
      EvaluationFile.Origin origin =
          new EvaluationFile.Origin(
              NAME,
              NAME,
              request.command(),
              test.data().toAbsolutePath().normalize().toString(),
              pattern,
              EvaluationFile.Environment.of(classifier));
      Path saved = test.record(result, origin);
      int opening = test.openings() + 1;
      console.print("%nThe test set, opening %d of its seal:", opening);
      if (opening > 1) {
        console.note(
            Text.format(
                "the seal was opened %s before, last at %s: what was decided since then has seen"
                    + " these images, so the result is better than on new ones",
                opening == 2 ? "once" : opening - 1 + " times", lastOpening(test)));
      }
      Report report = new Report(console);
      report.badImages(result.badImages().values());
      report.print(result);
      console.print("Saved as %s", saved);
      robustness.run(
          console,
          classifier,
          new RobustnessOptions.Subject(
              model, test.samples(), labels, grouping, batch, loading, origin));
      Map<String, Object> values = new LinkedHashMap<>(Report.values(result));
      values.put("test_openings", opening);
      values.put("missing", test.missing());
      values.put("changed", test.changed());
      boolean whole =
          test.missing().isEmpty() && test.changed().isEmpty() && result.badImages().isEmpty();
      return new Outcome(whole ? 0 : 1, values);
    }
  }

  private static String lastOpening(SealedTest test) {
    String time = test.run().dataUse().testLooks().get(test.openings() - 1).time();
    return time.isEmpty() ? "an unknown time" : time;
  }

  private static void changes(String what, List<String> files) {
    if (files.isEmpty()) {
      return;
    }
    Console.printError(
        "WARNING: %d test files are %s; the result is that of the others:", files.size(), what);
    files.stream().limit(SHOWN).forEach(file -> Console.printError("  %s", file));
    if (files.size() > SHOWN) {
      Console.printError("  and %d more", files.size() - SHOWN);
    }
  }
}
