package org.jresnet.serve.studio;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jresnet.engine.Compute;

/**
 * What a studio shows, and with what.
 *
 * @param root a run folder, a folder that holds some, or a recording
 * @param port 0 for any that is free
 * @param compute opens what computes; called when the first page needs it
 * @param jresnet makes a process of jresnet with the given arguments
 */
public record StudioOptions(
    Path root,
    int port,
    Supplier<Compute> compute,
    Function<List<String>, ProcessBuilder> jresnet) {}
