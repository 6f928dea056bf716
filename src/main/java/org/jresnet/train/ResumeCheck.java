package org.jresnet.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jresnet.base.UserError;

/** Whether a run may go on with what it finds now. */
final class ResumeCheck {
  private ResumeCheck() {}

  /** Refuses a resume that could not end in the bytes of the uninterrupted run. */
  static void require(Path folder, RunRecord then, RunRecord now, TrainingListener listener) {
    List<String> differences = new ArrayList<>();
    differ(differences, "data", then.dataHash(), now.dataHash());
    differ(differences, "split", then.splitHash(), now.splitHash());
    differ(differences, "start weights", then.weightsHash(), now.weightsHash());
    differ(differences, "options", comparable(then.options()), comparable(now.options()));
    if (!differences.isEmpty()) {
      throw new UserError(
          folder
              + " cannot be resumed, the run was started differently: "
              + String.join("; ", differences));
    }
    if (!then.backend().equals(now.backend())) {
      listener.note(
          "the run was started with "
              + then.backend()
              + " and goes on with "
              + now.backend()
              + "; its result will differ in the last bits");
    }
  }

  private static void differ(List<String> differences, String what, Object then, Object now) {
    if (!then.equals(now)) {
      differences.add(what + " was " + then + ", is " + now);
    }
  }

  /** Options that do not change what is computed, made equal. */
  private static TrainOptions comparable(TrainOptions o) {
    TrainOptions.InputOptions in = o.input();
    boolean cosine = o.schedule().kind().equals("cosine");
    return new TrainOptions(
        "",
        o.split(),
        o.network(),
        new TrainOptions.InputOptions(in.preprocess(), in.augmentation(), in.badImages(), 1),
        cosine ? o.epochs() : 1,
        o.batch(),
        o.accumulate(),
        o.optimizer(),
        o.schedule(),
        o.loss(),
        o.clip(),
        0,
        o.seed());
  }
}
