package org.jresnet.cli;

import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/** Files that a command writes at its end. What would fail then, or lose a file, fails first. */
final class OutputFile {
  private OutputFile() {}

  /**
   * Refuses a target that exists, unless it may be replaced, and one that cannot be written.
   *
   * @throws UserError naming the option, the target and what to do
   */
  static void require(String option, Path target, boolean overwrite) {
    Path folder = target.toAbsolutePath().getParent();
    if (folder == null || Files.isDirectory(target)) {
      throw new UserError(Text.format("%s %s is a folder; name a file", option, target));
    }
    if (Files.exists(target, LinkOption.NOFOLLOW_LINKS) && !overwrite) {
      throw new UserError(Text.format("%s exists; use --overwrite to replace it", target));
    }
    if (!Files.isDirectory(folder)) {
      throw new UserError(
          Text.format(
              "the folder of %s %s does not exist; create it first: mkdir -p %s",
              option, target, Text.shellWord(folder)));
    }
    if (!Files.isWritable(folder)) {
      throw new UserError(
          Text.format("the folder of %s %s is not writable: %s", option, target, folder));
    }
  }
}
