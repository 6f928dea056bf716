package org.jresnet.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintStream;
import java.util.Locale;
import java.util.Map;

/**
 * Where people's text and machines' JSON go: with {@code --json} the text moves to standard error.
 */
final class Console {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final boolean json;

  Console(boolean json) {
    this.json = json;
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

  PrintStream text() {
    return json ? System.err : System.out;
  }

  void print(String format, Object... values) {
    text().printf(Locale.ROOT, format + "%n", values);
  }

  /** Something that the user should know, always on standard error. */
  void note(String text) {
    System.err.println("note: " + text);
  }

  /** One object on one line of standard output, if JSON was asked for. */
  void object(Map<String, ?> values) {
    if (json) {
      try {
        System.out.println(JSON.writeValueAsString(values));
      } catch (JsonProcessingException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
