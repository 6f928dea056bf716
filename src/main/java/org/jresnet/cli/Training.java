package org.jresnet.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.jresnet.backend.Backend;
import org.jresnet.base.Text;
import org.jresnet.train.Evaluation;
import org.jresnet.train.RunFolder;
import org.jresnet.train.TrainOptions;
import org.jresnet.train.Trainer;

/** What {@code train} and {@code demo} share: running a trainer under Ctrl-C, and reporting. */
final class Training {
  private static final int MAX_LISTED = 5;

  private final Console console;

  Training(Console console) {
    this.console = console;
  }

  /** Trains; Ctrl-C saves a checkpoint first. */
  Trainer.Outcome run(
      TrainOptions options, Path out, RunFolder.Existing existing, Backend backend) {
    RunFolder folder = RunFolder.open(out, existing);
    CountDownLatch saved = new CountDownLatch(1);
    Progress progress = new Progress(console);
    Trainer trainer = new Trainer(options, folder, backend, Main.Version.number(), progress);
    Thread hook =
        new Thread(
            () -> {
              Console.printError("%nStopping after this step and saving a checkpoint ...");
              trainer.requestStop();
              try {
                saved.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      Trainer.Outcome outcome = trainer.run(existing);
      progress.close();
      report(outcome, out);
      return outcome;
    } finally {
      progress.close();
      saved.countDown();
      try {
        Runtime.getRuntime().removeShutdownHook(hook);
      } catch (IllegalStateException e) {
        // The hook is what we are leaving through.
      }
    }
  }

  private void report(Trainer.Outcome outcome, Path out) {
    badImages(outcome.badImages());
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
                    "Best epoch %d: validation accuracy %.2f %%, loss %.4f -> %s",
                    b.epoch(), 100 * b.valAccuracy(), b.valLoss(), out.resolve(RunFolder.BEST)));
    outcome
        .test()
        .ifPresent(
            t -> {
              console.print("%nThe sealed test part, judged once with the best epoch:");
              print(t);
            });
  }

  /** An evaluation for people. */
  void print(Evaluation e) {
    e.confusion().table().lines().forEach(line -> console.print("%s", line));
    console.print(
        "Accuracy %.2f %% of %d pictures, loss %.4f",
        100 * e.confusion().accuracy(), e.pictures(), e.loss());
    e.binary()
        .ifPresent(
            b ->
                console.print(
                    "Positive class '%s': AUC %.4f, EER %.2f %%, average precision %.4f",
                    e.confusion().classes().get(1), b.auc(), 100 * b.eer(), b.averagePrecision()));
  }

  /** Names files that could not be decoded. */
  void badImages(Map<String, String> bad) {
    if (bad.isEmpty()) {
      return;
    }
    Console.printError("warning: %d pictures could not be decoded and were left out:", bad.size());
    bad.values().stream().limit(MAX_LISTED).forEach(reason -> Console.printError("  %s", reason));
    if (bad.size() > MAX_LISTED) {
      Console.printError("  and %d more", bad.size() - MAX_LISTED);
    }
  }

  /** An evaluation for machines. */
  static Map<String, Object> values(Evaluation e) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("accuracy", e.confusion().accuracy());
    values.put("loss", e.loss());
    values.put("pictures", e.pictures());
    Map<String, Double> perClass = new LinkedHashMap<>();
    for (int k = 0; k < e.confusion().classes().size(); k++) {
      perClass.put(e.confusion().classes().get(k), e.confusion().accuracy(k));
    }
    values.put("class_accuracy", perClass);
    values.put("classes", e.confusion().classes());
    values.put("confusion", e.confusion().counts());
    e.binary()
        .ifPresent(
            b -> {
              values.put("auc", b.auc());
              values.put("eer", b.eer());
              values.put("average_precision", b.averagePrecision());
            });
    values.put("bad_images", e.badImages().size());
    return values;
  }

  /** A training run for machines. */
  static Map<String, Object> values(Trainer.Outcome outcome, Path out) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("end", outcome.end().name().toLowerCase(java.util.Locale.ROOT));
    outcome
        .best()
        .ifPresent(
            b -> {
              values.put("accuracy", b.valAccuracy());
              values.put("best_epoch", b.epoch());
              values.put("val_accuracy", b.valAccuracy());
              values.put("val_loss", b.valLoss());
            });
    outcome.test().ifPresent(t -> values.putAll(values(t)));
    values.put("epochs", outcome.history().size());
    values.put("out", out.toString());
    return values;
  }
}
