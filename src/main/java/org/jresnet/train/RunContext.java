package org.jresnet.train;

import java.util.function.BooleanSupplier;

/**
 * What every part of a run knows.
 *
 * @param options with {@code auto}s resolved
 * @param folder where the results go
 * @param listener is told about progress
 * @param stopRequested whether the run is to end with a checkpoint
 */
record RunContext(
    TrainOptions options,
    RunFolder folder,
    TrainingListener listener,
    BooleanSupplier stopRequested) {}
