package org.jresnet.cli;

import java.nio.file.Path;
import java.util.Optional;
import org.jresnet.train.TelemetryOptions;
import picocli.CommandLine.Option;

/** What {@code train} shows of its steps; it changes none of them. */
@Heading("Telemetry")
final class TelemetryArguments {
  @Option(
      names = "--telemetry",
      description = {
        "Add columns to metrics.csv: norm of the gradient, size of the update relative to the parameters, share of dead ReLU"
            + " channels per stage. With --resume ask again."
      })
  private boolean telemetry;

  @Option(
      names = "--telemetry-every",
      paramLabel = "STEPS",
      description = {
        "Read every so many steps of an epoch, the first always; default: "
            + TelemetryOptions.EVERY
            + "."
      })
  @Within(min = 1, max = Within.MANY)
  private Integer every;

  @Option(
      names = "--tensorboard",
      paramLabel = "DIR",
      description = {
        "Also write an event file for TensorBoard into this folder: these numbers, loss and learning rate, histograms of"
            + " weights and gradients, a few input images."
      })
  private Path tensorboard;

  TelemetryOptions options() {
    boolean on = telemetry || tensorboard != null;
    if (!on) {
      if (every != null) {
        throw new UsageError("--telemetry-every belongs to --telemetry or --tensorboard");
      }
      return TelemetryOptions.OFF;
    }
    return new TelemetryOptions(
        every == null ? TelemetryOptions.EVERY : every, Optional.ofNullable(tensorboard));
  }
}
