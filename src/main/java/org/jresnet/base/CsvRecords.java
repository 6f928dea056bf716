package org.jresnet.base;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** The records of a CSV file one after the other, as they stand in the file. */
public final class CsvRecords implements AutoCloseable {
  private final Path path;
  private final InputStream in;
  private final ByteArrayOutputStream record = new ByteArrayOutputStream();
  private long position;
  private long whole;

  CsvRecords(Path path, InputStream in) {
    this.path = path;
    this.in = new BufferedInputStream(in, 1 << 16);
  }

  /**
   * Opens a file.
   *
   * @param what names the kind of file in messages, such as "the table"
   * @throws UserError when it is no regular file or cannot be read
   */
  public static CsvRecords open(Path path, String what) {
    RegularFile.require(path, what);
    try {
      return new CsvRecords(path, Files.newInputStream(path));
    } catch (IOException e) {
      throw RegularFile.unreadable(path, what, e);
    }
  }

  /**
   * The next record without its line end; empty where the file ends, also in the midst of a record.
   *
   * @throws UserError when the file cannot be read
   */
  public Optional<String> next() {
    boolean quoted = false;
    record.reset();
    try {
      for (int b = in.read(); b >= 0; b = in.read()) {
        position++;
        // A doubled quote closes and opens: nothing can stand between.
        quoted ^= b == '"';
        if (b == '\n' && !quoted) {
          whole = position;
          return Optional.of(record.toString(StandardCharsets.UTF_8));
        }
        record.write(b);
      }
    } catch (IOException e) {
      throw RegularFile.unreadable(path, "the table", e);
    }
    return Optional.empty();
  }

  /** The first cell of a record, as it was before it was written. */
  public String key(String line) {
    return Csv.firstCell(path, line);
  }

  /** Bytes that were read. */
  long position() {
    return position;
  }

  /** Bytes up to the end of the last record. */
  long whole() {
    return whole;
  }

  @Override
  public void close() {
    try {
      in.close();
    } catch (IOException e) {
      throw RegularFile.unreadable(path, "the table", e);
    }
  }
}
