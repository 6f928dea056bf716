package org.jresnet.cli;

import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/** What picocli finds wrong with the arguments, said in one line whose end says what to do. */
final class Usage {
  private Usage() {}

  /** Refuses what no command knows, also beside {@code --help}, which picocli would answer. */
  static void requireKnown(ParseResult parsed) {
    for (ParseResult level = parsed; level != null; level = level.subcommand()) {
      if (!level.unmatched().isEmpty()) {
        throw new UnmatchedArgumentException(level.commandSpec().commandLine(), level.unmatched());
      }
    }
  }

  /** Prints what is wrong; returns the exit code. */
  static int report(ParameterException e) {
    CommandLine command = e.getCommandLine();
    String message = String.valueOf(e.getMessage()).strip();
    String sentence = message.endsWith(".") ? message.substring(0, message.length() - 1) : message;
    List<String> hints = new ArrayList<>();
    if (e instanceof UnmatchedArgumentException unmatched) {
      sentence =
          (unmatched.isUnknownOption() ? "unknown option '" : "unexpected argument '")
              + unmatched.getUnmatched().get(0)
              + "'";
      List<String> similar = unmatched.getSuggestions();
      if (!similar.isEmpty()) {
        hints.add(
            "did you mean "
                + String.join(" or ", similar.subList(0, Math.min(3, similar.size())))
                + "?");
      }
    }
    boolean top = command.getParent() == null;
    hints.add(
        command.getCommandSpec().qualifiedName()
            + " --help lists the "
            + (top ? "commands" : "options"));
    Console.error(sentence + "; " + String.join(" ", hints));
    return command.getCommandSpec().exitCodeOnInvalidInput();
  }
}
