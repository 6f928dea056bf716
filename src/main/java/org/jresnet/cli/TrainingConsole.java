package org.jresnet.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jresnet.engine.Compute;
import org.jresnet.train.RunFolder;
import org.jresnet.train.TelemetryOptions;
import org.jresnet.train.Trainer;
import org.jresnet.train.Training;

/** What {@code train} and {@code demo} share: a training run that Ctrl-C ends with a checkpoint. */
final class TrainingConsole {
  private final Console console;

  TrainingConsole(Console console) {
    this.console = console;
  }

  /** Trains; Ctrl-C saves a checkpoint first. */
  Trainer.Outcome run(
      Training training,
      RunFolder folder,
      Compute compute,
      Trainer.Contents contents,
      TelemetryOptions telemetry) {
    CountDownLatch saved = new CountDownLatch(1);
    Progress progress = new Progress(console);
    Trainer trainer = training.trainer(folder, compute, progress).telemetry(telemetry);
    Thread hook = new Thread(() -> stop(trainer, saved));
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      Trainer.Outcome outcome = trainer.run(contents);
      progress.close();
      new Report(console).print(outcome, folder.path());
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

  /** What Ctrl-C does: the process ends when this does. */
  private static void stop(Trainer trainer, CountDownLatch saved) {
    Console.printError("%nStopping after this step and saving a checkpoint ...");
    trainer.requestStop();
    try {
      long seconds = trainer.stopSeconds();
      if (!saved.await(seconds, TimeUnit.SECONDS)) {
        Console.printError(
            "Ending now, since nothing came to a stop in %d s: %s",
            seconds, trainer.lostByEndingNow());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
