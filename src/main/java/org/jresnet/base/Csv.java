package org.jresnet.base;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Comma-separated values (<a href="https://www.rfc-editor.org/rfc/rfc4180">RFC 4180</a>): UTF-8,
 * quotes where necessary, lines that end in LF.
 *
 * <p>A spreadsheet takes a cell that begins with {@code = + - @}, a tab, CR or LF for a formula.
 * Such a cell, unless it is a plain number like -3.5, is written with an apostrophe before it.
 * {@link #read} takes the apostrophe away; so that nothing is lost, one is also put before a cell
 * that begins with an apostrophe followed by one of these characters or by another apostrophe.
 */
public final class Csv {
  /** A million lines of 250 characters. */
  private static final int MAX_BYTES = 256 << 20;

  private static final Pattern NUMBER =
      Pattern.compile("[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d+)?");

  /** What a spreadsheet may calculate or run. */
  private static final String FORMULA = "=+-@\t\r\n";

  /** Semicolon and tab separate cells, too, where a spreadsheet is set up so. */
  private static final Pattern NEEDS_QUOTES = Pattern.compile("[,;\"\r\n\t]");

  private Csv() {}

  /** One record, without its line end. */
  public static String line(List<String> fields) {
    return fields.stream().map(Csv::cell).collect(Collectors.joining(","));
  }

  /** Replaces a file by these records. */
  public static void write(Path target, List<List<String>> records) {
    AtomicFile.write(
        target, records.stream().map(r -> line(r) + "\n").collect(Collectors.joining()));
  }

  /**
   * Replaces a file by records that come one by one; it stays as it is when that fails.
   *
   * @param content hands the records over
   */
  public static void write(Path target, Consumer<Consumer<List<String>>> content) {
    AtomicFile.write(
        target,
        channel -> {
          Writer out = new BufferedWriter(Channels.newWriter(channel, StandardCharsets.UTF_8));
          try {
            content.accept(
                record -> {
                  try {
                    out.write(line(record) + "\n");
                  } catch (IOException e) {
                    throw new UncheckedIOException(e);
                  }
                });
          } catch (UncheckedIOException e) {
            throw e.getCause();
          }
          out.flush();
        });
  }

  private static String cell(String field) {
    String safe = dangerous(field) || escaped(field) ? "'" + field : field;
    return NEEDS_QUOTES.matcher(safe).find() ? '"' + safe.replace("\"", "\"\"") + '"' : safe;
  }

  private static boolean dangerous(String field) {
    return !field.isEmpty()
        && FORMULA.indexOf(field.charAt(0)) >= 0
        && !NUMBER.matcher(field).matches();
  }

  private static boolean escaped(String field) {
    return field.length() > 1
        && field.charAt(0) == '\''
        && (FORMULA.indexOf(field.charAt(1)) >= 0 || field.charAt(1) == '\'');
  }

  /** Records of a file as they were before they were written; empty lines are left out. */
  public static List<List<String>> read(Path file) {
    return records(file, RegularFile.text(file, "the table", MAX_BYTES));
  }

  /** The first cell of a record, as it was before it was written. */
  static String firstCell(Path file, String line) {
    return records(file, line).get(0).get(0);
  }

  private static List<List<String>> records(Path file, String text) {
    List<List<String>> records = new ArrayList<>();
    List<String> record = new ArrayList<>();
    StringBuilder field = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (quoted) {
        if (c != '"') {
          field.append(c);
        } else if (i + 1 < text.length() && text.charAt(i + 1) == '"') {
          field.append(c);
          i++;
        } else {
          quoted = false;
        }
      } else if (c == '"' && field.isEmpty()) {
        quoted = true;
      } else if (c == ',') {
        record.add(take(field));
      } else if (c == '\n') {
        end(records, record, field);
        record = new ArrayList<>();
      } else if (c != '\r') {
        field.append(c);
      }
    }
    if (quoted) {
      throw new UserError(file + ": a quote is opened and never closed");
    }
    end(records, record, field);
    return records;
  }

  private static String take(StringBuilder field) {
    String text = field.toString();
    field.setLength(0);
    return escaped(text) ? text.substring(1) : text;
  }

  private static void end(List<List<String>> records, List<String> record, StringBuilder field) {
    record.add(take(field));
    if (record.size() > 1 || !record.get(0).isEmpty()) {
      records.add(record);
    }
  }
}
