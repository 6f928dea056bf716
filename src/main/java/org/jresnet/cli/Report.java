package org.jresnet.cli;

import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import org.jresnet.base.Text;
import org.jresnet.metrics.BinaryIntervals;
import org.jresnet.metrics.BinaryScores;
import org.jresnet.metrics.ConfusionMatrix;
import org.jresnet.metrics.Interval;
import org.jresnet.train.CalibrationMeasure;
import org.jresnet.train.Evaluation;
import org.jresnet.train.EvaluationMetrics;
import org.jresnet.train.RunFolder;
import org.jresnet.train.Trainer;

/** Shows results: evaluations and runs, for people and for machines. */
final class Report {
  private static final int MAX_LISTED = 5;

  private final Console console;

  Report(Console console) {
    this.console = console;
  }

  /** How a run in the folder {@code out} ended, for people. */
  void print(Trainer.Outcome outcome, Path out) {
    badImages(outcome.dataUse().leftOut().stream().map(l -> l.part() + ": " + l.reason()).toList());
    if (outcome.end() == Trainer.End.INTERRUPTED) {
      Console.printError(
          "Interrupted. The checkpoint is %s; go on with: ./jresnet train --resume --out %s",
          out.resolve(RunFolder.LAST), Text.shellWord(out));
      return;
    }
    if (outcome.end() == Trainer.End.STOPPED_EARLY) {
      console.print("Stopped early: no improvement for a while.");
    }
    outcome
        .best()
        .ifPresent(
            b ->
                console.print(
                    "Best epoch %d: validation accuracy %s, loss %.4f -> %s",
                    b.epoch(),
                    outcome.validation().orElseThrow(),
                    b.valLoss(),
                    out.resolve(RunFolder.BEST)));
    outcome.calibration().ifPresent(new CalibrationText(console)::print);
  }

  /** An evaluation for people. */
  void print(Evaluation e) {
    ConfusionMatrix confusion = e.confusion();
    int[] present =
        IntStream.range(0, e.classes().size()).filter(k -> confusion.total(k) > 0).toArray();
    if (present.length == 1) {
      oneClass(e, present[0]);
      return;
    }
    confusion.table().lines().forEach(line -> console.print("%s", line));
    console.print("Accuracy %s, loss %.4f", confusion.accuracy(), e.loss());
    e.groupedAccuracy()
        .ifPresent(
            g ->
                console.print(
                    "%d groups drawn whole: accuracy's 95 %% interval %s; so are the intervals below",
                    e.groups().stream().distinct().count(), g.get(0).percent()));
    BinaryScores scores = e.binary().orElse(null);
    BinaryIntervals intervals = e.intervals().orElse(null);
    if (scores != null && intervals != null) {
      console.print("Positive class '%s', with 95 %% intervals:", e.classes().get(e.positive()));
      console.print("  AUC                %.4f (%s)", scores.auc(), intervals.auc().fraction());
      console.print(
          "  EER                %.2f %% (%s)", 100 * scores.eer(), intervals.eer().percent());
      console.print(
          "  average precision  %.4f (%s)",
          scores.averagePrecision(),
          intervals.averagePrecision().map(Interval::fraction).orElse("no interval"));
      for (int i = 0; i < BinaryScores.RATES.size(); i++) {
        OptionalDouble rate = scores.hitRates().get(i);
        console.print(
            "  hits at %s %% FPR   %s",
            100 * BinaryScores.RATES.get(i),
            rate.isPresent()
                ? Text.format(
                    "%.2f %% (%s)",
                    100 * rate.getAsDouble(),
                    intervals.hitRates().get(i).map(Interval::percent).orElse("no interval"))
                : "too few negatives for that");
      }
    }
    CalibrationMeasure.of(e, CalibrationMeasure.ERROR)
        .ifPresent(m -> new CalibrationText(console).print(e.calibration().orElseThrow(), m));
  }

  /** Images of one class have no accuracy to balance, but a rate of errors of one kind. */
  private void oneClass(Evaluation e, int label) {
    console.print("%s, all of class '%s'", Text.count(e.images(), "image"), e.classes().get(label));
    if (e.classes().size() == 2) {
      console.print(
          "%s (called '%s'): %s",
          label == e.positive() ? "Hit rate" : "False-alarm rate",
          e.classes().get(e.positive()),
          e.confusion().called(label, e.positive()));
    } else {
      console.print("Accuracy %s", e.confusion().accuracy());
    }
    console.print("Loss %.4f", e.loss());
  }

  /** Names files that could not be decoded. */
  void badImages(Collection<String> reasons) {
    if (reasons.isEmpty()) {
      return;
    }
    Console.printError(
        "warning: %s left out that could not be decoded:", Text.count(reasons.size(), "image"));
    reasons.stream().limit(MAX_LISTED).forEach(reason -> Console.printError("  %s", reason));
    if (reasons.size() > MAX_LISTED) {
      Console.printError("  and %d more", reasons.size() - MAX_LISTED);
    }
  }

  /** An evaluation for machines. */
  static Map<String, Object> values(Evaluation e) {
    Map<String, Object> values = new LinkedHashMap<>(EvaluationMetrics.of(e));
    values.put("images", e.images());
    values.put("bad_images", e.badImages().size());
    return values;
  }

  /** A training run for machines. */
  static Map<String, Object> values(Trainer.Outcome outcome, Path out) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("end", outcome.end().name().toLowerCase(Locale.ROOT));
    outcome
        .best()
        .ifPresent(
            b -> {
              values.put("accuracy", b.valAccuracy());
              values.put("best_epoch", b.epoch());
              values.put("val_accuracy", b.valAccuracy());
              values.put("val_loss", b.valLoss());
            });
    values.put("epochs", outcome.history().size());
    values.put("out", out.toString());
    return values;
  }
}
