package org.jresnet.cli;

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jresnet.base.Text;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The help, with options under headings; and wrong usage, in one line whose end says what to do.
 */
final class Usage {
  private static final int SUGGESTIONS = 3;
  private static final String LAST = "General";

  private Usage() {}

  /** Puts the options of a command and of those below it under their headings. */
  static void group(CommandLine command) {
    command.getHelpSectionMap().remove(UsageMessageSpec.SECTION_KEY_OPTION_LIST_HEADING);
    command.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_OPTION_LIST, Usage::options);
    command.getSubcommands().values().forEach(Usage::group);
  }

  private static String options(Help help) {
    Map<String, List<OptionSpec>> groups = new LinkedHashMap<>();
    List<OptionSpec> last = new ArrayList<>();
    for (OptionSpec option : help.commandSpec().options()) {
      String heading = heading(option);
      (heading.equals(LAST) ? last : groups.computeIfAbsent(heading, h -> new ArrayList<>()))
          .add(option);
    }
    groups.put(LAST, last);
    return groups.entrySet().stream()
        .map(
            group -> {
              Help.Layout layout = help.createDefaultLayout();
              layout.addOptions(
                  group.getValue().stream().map(Usage::withoutEmptyDefault).toList(),
                  help.parameterLabelRenderer());
              return String.format("%n%s:%n", group.getKey()) + layout;
            })
        .collect(Collectors.joining());
  }

  private static OptionSpec withoutEmptyDefault(OptionSpec option) {
    return "".equals(option.defaultValue())
        ? OptionSpec.builder(option).showDefaultValue(Help.Visibility.NEVER).build()
        : option;
  }

  /** The heading at the option's field or the nearest one above it, or that of its class. */
  static String heading(OptionSpec option) {
    Field field = Arguments.field(option).orElse(null);
    if (field == null || option.inherited() || field.getDeclaringClass() == Main.class) {
      return LAST;
    }
    Heading found = field.getDeclaringClass().getAnnotation(Heading.class);
    // In the order of the source, as picocli relies on, too.
    for (Field f : field.getDeclaringClass().getDeclaredFields()) {
      found = f.isAnnotationPresent(Heading.class) ? f.getAnnotation(Heading.class) : found;
      if (f.equals(field)) {
        break;
      }
    }
    return found == null
        ? (field.getDeclaringClass().getPackageName().equals(Usage.class.getPackageName())
            ? "Options"
            : LAST)
        : found.value();
  }

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
    String hint = "";
    if (e instanceof UnmatchedArgumentException unmatched
        && !unmatched.getSuggestions().isEmpty()) {
      hint =
          unmatched.getSuggestions().stream()
              .limit(SUGGESTIONS)
              .collect(Collectors.joining(" or ", "did you mean ", "? "));
    }
    Console.error(
        Text.format(
            "%s; %s%s --help lists the %s",
            sentence(e),
            hint,
            command.getCommandSpec().qualifiedName(),
            command.getParent() == null ? "commands" : "options"));
    return command.getCommandSpec().exitCodeOnInvalidInput();
  }

  private static String sentence(ParameterException e) {
    if (e instanceof UnmatchedArgumentException unmatched) {
      String first = unmatched.getUnmatched().get(0);
      String what =
          unmatched.isUnknownOption()
              ? "unknown option"
              : e.getCommandLine().getParent() == null ? "unknown command" : "unexpected argument";
      return what + " '" + first + "'";
    }
    if (e.getArgSpec() != null && e.getValue() != null) {
      var within = Arguments.within(e.getArgSpec());
      if (within.isPresent()) {
        return Arguments.name(e.getArgSpec())
            + " must be "
            + Arguments.expected(e.getArgSpec(), within.get())
            + ", found '"
            + e.getValue()
            + "'";
      }
    }
    String message = String.valueOf(e.getMessage()).strip();
    return message.endsWith(".") ? message.substring(0, message.length() - 1) : message;
  }
}
