package org.jresnet.serve.studio;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/**
 * Starts jresnet in processes that outlive the studio.
 *
 * @param jresnet makes a process of jresnet with the given arguments
 */
record Program(Function<List<String>, ProcessBuilder> jresnet) {
  /**
   * Starts a command that reads nothing.
   *
   * @param arguments command and options
   * @param output file for all that it prints; its folder is made
   */
  Process start(List<String> arguments, Path output) {
    try {
      Files.createDirectories(output.getParent());
      return jresnet
          .apply(arguments)
          .redirectErrorStream(true)
          .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
          .redirectOutput(output.toFile())
          .start();
    } catch (IOException e) {
      throw new UserError(
          Text.format("jresnet %s could not be started: %s", arguments.get(0), e), e);
    }
  }
}
