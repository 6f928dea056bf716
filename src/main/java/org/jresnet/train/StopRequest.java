package org.jresnet.train;

import org.jresnet.base.Stopped;

/** Whether a run is to end, and what is lost if it does not end in time. Used by any thread. */
final class StopRequest {
  private static final long LEAST_SECONDS = 60;

  private volatile boolean requested;
  private volatile String kept = "the run has no checkpoint, nothing is saved";
  private volatile double longestStep;

  void request() {
    requested = true;
  }

  boolean requested() {
    return requested;
  }

  /** Ends work that leaves nothing to save. */
  void check() {
    if (requested) {
      throw new Stopped("stopped before training began; nothing was changed");
    }
  }

  void saved(Checkpoint position) {
    kept =
        "what was done since the last checkpoint (epoch "
            + (position.epoch() + 1)
            + ", batch "
            + position.batch()
            + ") is lost, --resume goes on from there";
  }

  void stepTook(double seconds) {
    longestStep = Math.max(longestStep, seconds);
  }

  /** What is lost if the process ends now. */
  String lost() {
    return kept;
  }

  /** How long a step and a checkpoint may take, with room to spare. */
  long seconds() {
    return Math.round(LEAST_SECONDS + 3 * longestStep);
  }
}
