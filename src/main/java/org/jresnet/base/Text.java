package org.jresnet.base;

import com.google.errorprone.annotations.FormatMethod;
import com.google.errorprone.annotations.FormatString;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Text from outside (names of files, classes and tensors, metadata, messages that quote them), made
 * safe for a terminal and for a shell.
 *
 * <p>What hides, moves or reorders other text, or talks to the terminal, is written as {@code
 * \\u{1b}}: control characters (C0, C1, DEL), line and paragraph separators, format characters
 * (Unicode's category Cf: bidirectional controls, zero-width characters, tags) and unpaired
 * surrogates.
 */
public final class Text {
  private static final Pattern PLAIN_WORD = Pattern.compile("[\\w@%+=:,./][\\w@%+=:,./-]*");

  private Text() {}

  /** A message of a constant format, the same in every country. */
  @FormatMethod
  public static String format(@FormatString String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  /** A number and its noun: {@code 1 image}, {@code 2 images}. */
  public static String count(long number, String noun) {
    return number + " " + noun + (number == 1 ? "" : "s");
  }

  /** One line in which everything shows. */
  public static String visible(String text) {
    return escape(text, "\\u{%x}");
  }

  /** A JSON text that means the same, in which everything shows. */
  public static String visibleJson(String json) {
    // Jackson leaves no such character outside of strings.
    StringBuilder out = new StringBuilder(json.length());
    json.codePoints()
        .forEach(
            c -> {
              if (!hides(c)) {
                out.appendCodePoint(c);
                return;
              }
              for (char unit : Character.toChars(c)) {
                out.append(String.format(Locale.ROOT, "\\u%04x", (int) unit));
              }
            });
    return out.toString();
  }

  /**
   * A word that a shell reads as this text, for commands that are shown to be copied; a path that
   * begins with a hyphen is written so that no command takes it for an option. Plain words stay as
   * they are; {@code $'…'}, which dash lacks, is used for what {@link #visible} would change.
   */
  public static String shellWord(Object pathOrText) {
    String text =
        pathOrText instanceof Path path && path.toString().startsWith("-")
            ? "./" + path
            : pathOrText.toString();
    if (PLAIN_WORD.matcher(text).matches()) {
      return text;
    }
    if (text.codePoints().noneMatch(Text::hides)) {
      return "'" + text.replace("'", "'\\''") + "'";
    }
    return "$'" + escape(text.replace("\\", "\\\\").replace("'", "\\'"), "\\U%08x") + "'";
  }

  private static String escape(String text, String form) {
    if (text.codePoints().noneMatch(Text::hides)) {
      return text;
    }
    StringBuilder out = new StringBuilder(text.length() + 16);
    text.codePoints()
        .forEach(
            c -> {
              if (hides(c)) {
                out.append(String.format(Locale.ROOT, form, c));
              } else {
                out.appendCodePoint(c);
              }
            });
    return out.toString();
  }

  private static boolean hides(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SURROGATE ->
          true;
      default -> false;
    };
  }
}
