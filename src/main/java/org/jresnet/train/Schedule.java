package org.jresnet.train;

import org.jresnet.train.TrainOptions.ScheduleOptions;

/**
 * Learning rate as a pure function of the step, so that a resumed run needs no schedule state.
 *
 * <p>Warm-up: {@code base·(step+1)/warmup} in the first {@code warmup} steps. After it, with t
 * counting from the end of the warm-up: constant {@code base}; step {@code base·gamma^⌊t/every⌋}
 * (torch's StepLR per step); cosine {@code base·(f + (1−f)·(1+cos(π·t/T))/2)} (torch's
 * CosineAnnealingLR with T the remaining steps).
 */
public final class Schedule {
  private final ScheduleOptions options;
  private final double base;
  private final long warmup;
  private final long every;
  private final long total;

  /** A schedule over whole epochs. */
  public Schedule(ScheduleOptions options, double base, long stepsPerEpoch, int epochs) {
    this.options = options;
    this.base = base;
    warmup = Math.round(options.warmupEpochs() * stepsPerEpoch);
    every = Math.max(1, Math.round(options.stepEpochs() * stepsPerEpoch));
    total = stepsPerEpoch * epochs;
  }

  /** The rate of step {@code step}, counted from 0. */
  public double rate(long step) {
    if (step < warmup) {
      return base * (step + 1) / warmup;
    }
    long t = step - warmup;
    return switch (options.kind()) {
      case STEP -> base * Math.pow(options.gamma(), t / every);
      case COSINE -> {
        double progress = Math.min(1, (double) t / Math.max(1, total - warmup));
        double f = options.finalFactor();
        yield base * (f + (1 - f) * (1 + StrictMath.cos(Math.PI * progress)) / 2);
      }
      case CONSTANT -> base;
    };
  }
}
