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
    differ(differences, "options", then.options().steps(), now.options().steps());
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
}
