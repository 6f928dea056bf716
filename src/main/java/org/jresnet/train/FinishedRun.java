package org.jresnet.train;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/** Whether a run has come to its end, for what hands its weights on to others. */
public final class FinishedRun {
  private FinishedRun() {}

  /**
   * Refuses a run that has epochs ahead. A weight file outside of a run folder says nothing about
   * that and passes; so does a run without {@code last.ckpt}.
   *
   * @param model a run folder, the best weights in one, or any other weight file
   * @throws UserError saying how far the run is and how to go on
   */
  public static void require(Path model) {
    Optional<Path> folder = RunFolder.folderOf(model);
    if (folder.isEmpty()) {
      return;
    }
    Path run = folder.get();
    Path last = run.resolve(RunFolder.LAST);
    if (!Files.exists(last)) {
      if (!Files.exists(run.resolve(RunFolder.BEST))) {
        throw unfinished(run, "no epoch has ended", "");
      }
      return;
    }
    TrainOptions options = RunFolder.recordOf(model).orElseThrow().options();
    Checkpoint position = CheckpointFile.positionOf(last);
    boolean patient =
        options.patience() > 0
            && position.bestEpoch() > 0
            && position.epoch() - position.bestEpoch() >= options.patience();
    if (position.epoch() < options.epochs() && !patient) {
      throw unfinished(
          run,
          Text.format("%s of %s epochs are done", position.epoch(), options.epochs()),
          position.bestEpoch() == 0
              ? ""
              : Text.format(
                  "; for the best weights so far: jresnet convert %s best-so-far.safetensors, and"
                      + " name that file",
                  Text.shellWord(run)));
    }
  }

  private static UserError unfinished(Path run, String how, String otherwise) {
    return new UserError(
        Text.format(
            "the run in %s is unfinished: %s. Finish it first: jresnet train --resume --out %s%s",
            run, how, Text.shellWord(run), otherwise));
  }
}
