package org.jresnet.serve;

import java.nio.file.Path;
import java.util.function.Supplier;
import org.jresnet.engine.Compute;
import org.jresnet.train.Decision;
import org.jresnet.train.LoadedModel;

/**
 * Where a model comes from, each time that it is loaded.
 *
 * @param name in requests
 * @param path run folder or weight file, which is watched
 * @param loaded opens the file
 * @param compute opens a backend; each version of a model has its own
 * @param decision how its predictions become verdicts
 */
public record ModelSource(
    String name,
    Path path,
    Supplier<LoadedModel> loaded,
    Supplier<Compute> compute,
    Decision decision) {}
