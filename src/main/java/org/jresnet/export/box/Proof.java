package org.jresnet.export.box;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/** Runs a box's own verify, with the instructions that its target has. */
final class Proof {
  private Proof() {}

  /**
   * Lets the box prove itself.
   *
   * @throws UserError with what it said, when it fails
   */
  static void run(Path box, Target target) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(box.resolve("verify").toString()).redirectErrorStream(true);
    if (!target.isa().isEmpty()) {
      builder.environment().put("ONEDNN_MAX_CPU_ISA", target.isa());
    }
    Process process = builder.start();
    process.getOutputStream().close();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      int code = process.waitFor();
      if (code != 0) {
        throw new UserError(
            Text.format("the box does not compute what it should; its verify ended with %s:", code),
            said.strip().lines().toList());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UserError("interrupted while the box was proved", e);
    }
  }
}
