package org.jresnet.train;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.models.Architecture;
import org.jresnet.weights.ModelInfo;

/**
 * The state from which a run would take its next step: parameters, running statistics and the
 * optimizer's moments of its last checkpoint. The best weights are those of another step.
 */
public final class RunState {
  private final RunRecord record;
  private final CheckpointFile checkpoint;

  private RunState(RunRecord record, CheckpointFile checkpoint) {
    this.record = record;
    this.checkpoint = checkpoint;
  }

  /**
   * The state of a run, empty where the path is no run folder, or the run has no checkpoint.
   *
   * @throws org.jresnet.base.UserError when the checkpoint is damaged
   */
  public static Optional<RunState> of(Path run) {
    if (!Files.isDirectory(run) || !Files.exists(run.resolve(RunFolder.LAST))) {
      return Optional.empty();
    }
    return RunFolder.recordOf(run)
        .map(record -> new RunState(record, CheckpointFile.read(run.resolve(RunFolder.LAST))));
  }

  /** What the run was asked for. */
  public TrainOptions options() {
    return record.options();
  }

  /** Optimizer steps that were done. */
  public long steps() {
    return checkpoint.position().steps();
  }

  /** Architecture, classes and input. */
  public ModelInfo info() {
    TrainOptions options = record.options();
    Architecture network = Architecture.of(options.network().model());
    return options
        .input()
        .pixels()
        .of(
            ModelFiles.info(
                network,
                options.network().width(),
                record.classes(),
                options.input().preprocess()));
  }

  /** Names of the parameters that the run leaves as they are. */
  public Set<String> frozen() {
    return Freezing.names(ModelFiles.graph(info()), record.options().network().freeze());
  }

  /**
   * Puts the state into a model of that network, and its optimizer.
   *
   * @throws org.jresnet.base.UserError when they are of another type or shape
   */
  public void restore(Model model, OptimizerState optimizer) {
    checkpoint.restore(model, optimizer);
  }
}
