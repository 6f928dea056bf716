package org.jresnet.train;

import java.nio.file.Path;
import java.util.Optional;
import org.jresnet.base.UserError;

/**
 * What is seen of a training beside its results. It changes no step.
 *
 * @param every so many optimizer steps of an epoch are read, the first always; 0 reads none
 * @param tensorboard folder for event files of TensorBoard
 */
public record TelemetryOptions(int every, Optional<Path> tensorboard) {
  /** Nothing is seen. */
  public static final TelemetryOptions OFF = new TelemetryOptions(0, Optional.empty());

  /** Steps between two that are read. */
  public static final int EVERY = 50;

  /** Checks the number. */
  public TelemetryOptions {
    if (every < 0 || every == 0 && tensorboard.isPresent()) {
      throw new UserError("telemetry reads every step number of at least 1, found " + every);
    }
  }
}
