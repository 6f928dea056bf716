package org.jresnet.cli;

import java.util.Optional;
import org.jresnet.base.Text;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.Exchange;
import org.jresnet.distributed.Solo;
import org.jresnet.engine.Compute;
import org.jresnet.train.RunFolder;
import org.jresnet.train.TelemetryOptions;
import org.jresnet.train.Trainer;
import org.jresnet.train.Training;
import org.jresnet.train.TrainingListener;

/** What {@code train} and {@code demo} share: a training run that Ctrl-C ends with a checkpoint. */
final class TrainingConsole {
  private final Console console;
  private final Communicator ranks;
  private final Exchange exchange;
  private final Optional<TimeIsUp> time;

  TrainingConsole(Console console) {
    this(console, Solo.INSTANCE, Exchange.AUTO, Optional.empty());
  }

  /** With other ranks, and a signal that ends the run like Ctrl-C. */
  TrainingConsole(Console console, Communicator ranks, Exchange exchange, TimeIsUp time) {
    this(console, ranks, exchange, Optional.of(time));
  }

  private TrainingConsole(
      Console console, Communicator ranks, Exchange exchange, Optional<TimeIsUp> time) {
    this.console = console;
    this.ranks = ranks;
    this.exchange = exchange;
    this.time = time;
  }

  /** Trains; Ctrl-C saves a checkpoint first. */
  Trainer.Outcome run(
      Training training,
      RunFolder folder,
      Compute compute,
      Trainer.Contents contents,
      TelemetryOptions telemetry) {
    Progress progress = new Progress(console);
    TrainingListener listener = ranks.leads() ? progress : note -> {};
    Trainer trainer =
        training.trainer(folder, compute, listener).telemetry(telemetry).ranks(ranks, exchange);
    time.ifPresent(signal -> signal.then(trainer::requestStop));
    Interrupt interrupt =
        new Interrupt(
            () -> {
              if (ranks.leads()) {
                Console.printError("%nStopping after this step and saving a checkpoint ...");
              }
              trainer.requestStop();
            },
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
      if (ranks.leads()) {
        new Report(console).print(outcome, folder.path());
      }
      return outcome;
    }
  }
}
