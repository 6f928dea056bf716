package org.jresnet.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.errorprone.annotations.FormatMethod;
import com.google.errorprone.annotations.FormatString;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import org.jresnet.base.Text;

/**
 * Where people's text and machines' JSON go, and the only class that prints: with {@code --json}
 * the text moves to standard error.
 *
 * <p>Whatever is not part of a constant format is escaped ({@link Text#visible}), so that no name
 * can talk to the terminal or forge a line.
 */
final class Console {
  /** Apart, so that errors can be printed where Jackson is missing. */
  private static final class Json {
    static final ObjectMapper MAPPER = new ObjectMapper();
  }

  private final boolean json;
  private final boolean silent;

  Console(boolean json) {
    this(json, false);
  }

  private Console(boolean json, boolean silent) {
    this.json = json;
    this.silent = silent;
  }

  /** Says nothing, where another process says it; errors are not a console's. */
  static Console silent() {
    return new Console(false, true);
  }

  /** Shows the log's details; must run before the first log line. */
  static void verbose(boolean on) {
    System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", on ? "info" : "warn");
    System.setProperty("org.slf4j.simpleLogger.showThreadName", "false");
    System.setProperty("org.slf4j.simpleLogger.showShortLogName", "true");
  }

  /** Whether a person watches, who can be shown a moving bar; the launcher knows. */
  static boolean terminal() {
    return Boolean.getBoolean("jresnet.terminal");
  }

  /** Standard output as it is, for what escapes by itself. */
  static PrintStream out() {
    return GuardedStream.below(System.out);
  }

  /** Standard error as it is, for what escapes by itself. */
  static PrintStream err() {
    return GuardedStream.below(System.err);
  }

  /** A line for people; everything but numbers is escaped. */
  @FormatMethod
  void print(@FormatString String format, Object... values) {
    if (silent) {
      return;
    }
    line(json ? err() : out(), format, values);
  }

  /** A line on standard error, whatever was asked for. */
  @FormatMethod
  static void printError(@FormatString String format, Object... values) {
    line(err(), format, values);
  }

  private static void line(PrintStream stream, String format, Object... values) {
    Object[] shown = Arrays.stream(values).map(Console::shown).toArray();
    stream.print(String.format(Locale.ROOT, format, shown) + "\n");
  }

  private static Object shown(Object value) {
    return value instanceof Number || value instanceof Boolean
        ? value
        : Text.visible(String.valueOf(value));
  }

  /** Something that the user should know, always on standard error. */
  void note(String text) {
    if (silent) {
      return;
    }
    printError("note: %s", text);
  }

  /** Something that went wrong, always on standard error. */
  static void error(String text) {
    printError("jresnet: %s", text);
  }

  /** Where a failure happened, for {@code --verbose}. */
  static void trace(Throwable thrown) {
    String title = "";
    for (Throwable t = thrown; t != null; t = t.getCause() == t ? null : t.getCause()) {
      printError("%s%s", title, t);
      for (StackTraceElement frame : t.getStackTrace()) {
        printError("\tat %s", frame);
      }
      for (Throwable suppressed : t.getSuppressed()) {
        printError("\tsuppressed: %s", suppressed);
      }
      title = "caused by: ";
    }
  }

  /** One object on one line of standard output, if JSON was asked for. */
  void object(Map<String, ?> values) {
    if (json) {
      try {
        out().print(Text.visibleJson(Json.MAPPER.writeValueAsString(values)) + "\n");
      } catch (JsonProcessingException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** Ends a command whose results nobody can see; {@link Main} says why. */
  static void requireOutput() {
    if (out().checkError()) {
      throw new OutputLost();
    }
  }

  /** Standard output cannot be written. */
  static final class OutputLost extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }
}
