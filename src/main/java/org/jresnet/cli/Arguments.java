package org.jresnet.cli;

import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.nio.file.FileSystems;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.IntStream;
import org.jresnet.base.Text;
import org.jresnet.data.ImageFolder;
import org.jresnet.graph.Graph;
import org.jresnet.models.Architecture;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** Checks arguments before a command starts, so that no absurd one gets as far as its work. */
final class Arguments {
  private Arguments() {}

  /** Refuses numbers outside of {@link Within}, and empty names. */
  static void check(ParseResult parsed) {
    for (ParseResult level = parsed; level != null; level = level.subcommand()) {
      if (level.isUsageHelpRequested() || level.isVersionHelpRequested()) {
        return;
      }
      CommandLine command = level.commandSpec().commandLine();
      for (ArgSpec argument : level.commandSpec().args()) {
        boolean given = level.matchedArgs().contains(argument);
        List<?> values = flat(argument.getValue());
        if (given && values.isEmpty()) {
          throw new ParameterException(command, name(argument) + " must not be empty");
        }
        for (Object value : values) {
          if (value instanceof Number number) {
            checkNumber(command, argument, number);
          } else if (given && value.toString().isEmpty()) {
            throw new ParameterException(command, name(argument) + " must not be empty");
          }
        }
      }
    }
  }

  private static void checkNumber(CommandLine command, ArgSpec argument, Number value) {
    Within within =
        within(argument)
            .orElseThrow(() -> new IllegalStateException(name(argument) + " has no @Within"));
    double v = value.doubleValue();
    if (!(v >= within.min() && v <= within.max() && v > within.above() && v < within.below())) {
      throw new ParameterException(
          command, name(argument) + " must be " + expected(argument, within) + ", found " + value);
    }
  }

  /** The values of an option, also of one that takes several. */
  static List<?> flat(Object value) {
    if (value instanceof Collection<?> several) {
      return List.copyOf(several);
    }
    if (value != null && value.getClass().isArray()) {
      return IntStream.range(0, Array.getLength(value)).mapToObj(i -> Array.get(value, i)).toList();
    }
    return value == null ? List.of() : List.of(value);
  }

  /** The field behind an option; absent for those that picocli adds. */
  static Optional<Field> field(ArgSpec argument) {
    return argument.userObject() instanceof Field field ? Optional.of(field) : Optional.empty();
  }

  static Optional<Within> within(ArgSpec argument) {
    return field(argument).map(f -> f.getAnnotation(Within.class));
  }

  static String name(ArgSpec argument) {
    return argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel();
  }

  /** The numbers in words. */
  static String expected(ArgSpec argument, Within within) {
    Class<?> type = argument.auxiliaryTypes()[0];
    boolean whole = type != double.class && type != Double.class;
    String kind = whole ? "a whole number" : "a number";
    boolean least = within.min() > -Double.MAX_VALUE;
    boolean most = within.max() < Double.MAX_VALUE;
    String from =
        least
            ? "at least " + text(within.min())
            : within.above() > Double.NEGATIVE_INFINITY
                ? "greater than " + text(within.above())
                : "";
    String to =
        most
            ? "at most " + text(within.max())
            : within.below() < Double.POSITIVE_INFINITY ? "less than " + text(within.below()) : "";
    if (least && most) {
      return kind + " between " + text(within.min()) + " and " + text(within.max());
    }
    return from.isEmpty() && to.isEmpty()
        ? kind
        : kind + " " + (from.isEmpty() ? to : to.isEmpty() ? from : from + " and " + to);
  }

  private static String text(double bound) {
    return bound == Math.rint(bound)
        ? String.format(java.util.Locale.ROOT, "%.0f", bound)
        : String.valueOf(bound);
  }

  /** The absolute path that an argument stands for; empty for an empty one. */
  static String absolute(String path) {
    return path.isEmpty() ? "" : ImageFolder.expand(path).toAbsolutePath().normalize().toString();
  }

  /** A regular expression, or an error that shows where it is none. */
  static void requireRegex(String option, String regex) {
    try {
      Pattern.compile(regex);
    } catch (PatternSyntaxException e) {
      throw badPattern(option, "regular expression", e);
    }
  }

  /** A glob pattern, or an error that shows where it is none. */
  static void requireGlob(String option, String glob) {
    try {
      FileSystems.getDefault().getPathMatcher("glob:" + glob);
    } catch (PatternSyntaxException e) {
      throw badPattern(option, "pattern", e);
    }
  }

  private static UsageError badPattern(String option, String kind, PatternSyntaxException e) {
    return new UsageError(
        Text.format(
            "%s '%s' is no %s: %s%s",
            option,
            e.getPattern(),
            kind,
            e.getDescription(),
            e.getIndex() < 0 ? "" : " at position " + (e.getIndex() + 1)));
  }

  /** Refuses a batch whose pixels do not fit into one array. */
  static void requireBatchFits(int batch, int size) {
    UsageError.unlessValid(
        () -> {
          Graph.requirePixelsFit(batch, size, size);
          return null;
        });
  }

  /**
   * The network, or an error that names the parameter that is too large for an array.
   *
   * @param width channels of the stem; null for those of the published network
   */
  static Graph graph(Architecture network, int classes, Integer width) {
    int stem = width == null ? network.width() : width;
    return UsageError.unlessValid(() -> network.graph(classes, stem));
  }
}
