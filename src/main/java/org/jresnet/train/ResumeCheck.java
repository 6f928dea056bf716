package org.jresnet.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/** Whether a run may go on with what it finds now. */
final class ResumeCheck {
  private ResumeCheck() {}

  /**
   * Refuses a resume that could not end in the bytes of the uninterrupted run, and says what could
   * not be checked.
   *
   * @param then the record in the folder
   * @param checkpoint what the checkpoint was made with; older versions did not write it
   * @param now what the run would go on with
   */
  static void require(
      Path folder,
      RunRecord then,
      Optional<RunIdentity> checkpoint,
      RunRecord now,
      TrainingListener listener) {
    RunIdentity current = RunIdentity.of(now);
    refuse(
        folder + " cannot be resumed, the run was started differently: ",
        differences(RunIdentity.of(then), current));
    checkpoint.ifPresent(
        made ->
            refuse(
                folder
                    + " cannot be resumed, "
                    + RunFolder.LAST
                    + " was not made with what "
                    + RunFolder.RUN
                    + " and the data say: ",
                differences(made, current)));
    if (checkpoint.isEmpty()) {
      listener.note(
          Text.format(
              "%s is of a version that wrote no digests: whether it is whole, and whether %s is "
                  + "the record that it was made with, cannot be checked",
              RunFolder.LAST, RunFolder.RUN));
    }
    if (now.contentHash().isEmpty()) {
      listener.note("the contents of the images are trusted, not checked");
    } else if (then.contentHash().isEmpty()) {
      listener.note(
          "the run's start recorded no contents of images: whether they have changed since cannot"
              + " be checked");
    }
    if (!then.backend().equals(now.backend())) {
      listener.note(
          Text.format(
              "the run was started with %s and goes on with %s; its result will differ in the last "
                  + "bits",
              then.backend(), now.backend()));
    }
  }

  private static List<String> differences(RunIdentity then, RunIdentity now) {
    boolean comparable = !then.contentHash().isEmpty() && !now.contentHash().isEmpty();
    return comparable
        ? Json.differences(then, now)
        : Json.differences(then.withoutContents(), now.withoutContents());
  }

  private static void refuse(String why, List<String> differences) {
    if (!differences.isEmpty()) {
      List<String> explained = new ArrayList<>();
      for (String d : differences) {
        explained.add(
            d.startsWith("contentHash ") || d.startsWith("dataHash ")
                ? "images were added, removed or changed (" + d + ")"
                : d);
      }
      throw new UserError(
          Text.format(
              "%s%s. Put back what was changed, or start anew with another --out",
              why, String.join("; ", explained)));
    }
  }
}
