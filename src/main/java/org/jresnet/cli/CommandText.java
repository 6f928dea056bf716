package org.jresnet.cli;

import java.util.List;
import java.util.stream.Collectors;
import org.jresnet.base.Text;
import picocli.CommandLine.Model.CommandSpec;

/** The command line that a result came from, to be copied. */
final class CommandText {
  private CommandText() {}

  /** As it was given to a command that runs. */
  static String of(CommandSpec spec) {
    return of(spec.root().commandLine().getParseResult().originalArgs());
  }

  /** Of arguments. */
  static String of(List<String> arguments) {
    return "./jresnet " + arguments.stream().map(Text::shellWord).collect(Collectors.joining(" "));
  }
}
