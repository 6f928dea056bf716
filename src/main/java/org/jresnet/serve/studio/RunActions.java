package org.jresnet.serve.studio;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jresnet.base.Text;
import org.jresnet.serve.Problem;
import org.jresnet.train.RunLock;

/** Stops and resumes trainings. */
final class RunActions {
  /** What a resumed training prints, in its run folder. */
  private static final String OUTPUT = ".studio-train.log";

  private final RunList runs;
  private final Program program;

  RunActions(RunList runs, Program program) {
    this.runs = runs;
    this.program = program;
  }

  /** Does what Ctrl-C does: the training saves a checkpoint after its step and ends. */
  Map<String, Object> stop(String id) {
    RunList.Run run = runs.of(id);
    OptionalLong process = RunLock.holder(run.folder());
    if (process.isEmpty()) {
      throw new Problem(409, Text.format("no training goes on in %s", run.folder()));
    }
    if (process.getAsLong() == ProcessHandle.current().pid()) {
      throw new Problem(
          409, "this training belongs to the program that the studio belongs to; end it there");
    }
    boolean asked = ProcessHandle.of(process.getAsLong()).map(ProcessHandle::destroy).orElse(false);
    if (!asked) {
      throw new Problem(
          409, Text.format("process %s could not be asked to stop", process.getAsLong()));
    }
    return Map.of("process", process.getAsLong());
  }

  /** Starts a process that goes on with the run, and that outlives the studio. */
  Map<String, Object> resume(String id) {
    RunList.Run run = runs.of(id);
    if (RunLock.holder(run.folder()).isPresent()) {
      throw new Problem(409, Text.format("%s is training already", run.folder()));
    }
    String folder = run.folder().toAbsolutePath().toString();
    Path output = run.folder().resolve(OUTPUT);
    Process started = program.start(List.of("train", "--resume", "--out", folder), output);
    return Map.of("process", started.pid(), "output", output.toString());
  }
}
