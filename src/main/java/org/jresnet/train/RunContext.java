package org.jresnet.train;

/**
 * What every part of a run knows.
 *
 * @param options with {@code auto}s resolved
 * @param identity what decides the result
 * @param journal of the folder where the results go
 * @param listener is told about progress
 * @param stop whether the run is to end with a checkpoint
 * @param ranks that share the run
 */
record RunContext(
    TrainOptions options,
    RunIdentity identity,
    RunJournal journal,
    TrainingListener listener,
    StopRequest stop,
    Ranks ranks) {}
