package org.jresnet.cli;

import org.jresnet.base.Text;
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
    Progress progress = new Progress(console);
    Trainer trainer = training.trainer(folder, compute, progress).telemetry(telemetry);
    Interrupt interrupt =
        new Interrupt(
            "Stopping after this step and saving a checkpoint ...",
            trainer::requestStop,
            trainer::stopSeconds,
            seconds ->
                Text.format(
                    "Ending now, since nothing came to a stop in %d s: %s",
                    seconds, trainer.lostByEndingNow()));
    // The bar is closed first: when the interrupt is, the process may end.
    try (interrupt;
        progress) {
      interrupt.listen();
      Trainer.Outcome outcome = trainer.run(contents);
      progress.close();
      new Report(console).print(outcome, folder.path());
      return outcome;
    }
  }
}
