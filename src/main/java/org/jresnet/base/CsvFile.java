package org.jresnet.base;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A CSV file that grows by whole records, so that a process that is killed can be followed by one
 * that goes on: what is left of a record that was not written to its end is cut off then.
 */
public final class CsvFile implements AutoCloseable {
  private final Path path;
  private final FileChannel channel;
  private final Set<String> keys;

  private CsvFile(Path path, FileChannel channel, Set<String> keys) {
    this.path = path;
    this.channel = channel;
    this.keys = keys;
  }

  /**
   * Opens a file to go on with, or begins it, and keeps others from doing so until it is closed.
   *
   * @throws UserError when it is another kind of table, somebody else writes to it, or it cannot be
   *     read or written
   */
  public static CsvFile open(Path path, List<String> header) {
    if (Files.exists(path)) {
      RegularFile.require(path, "the table");
    }
    try {
      FileChannel channel =
          FileChannel.open(
              path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      try {
        return locked(path, channel, header);
      } catch (IOException | RuntimeException e) {
        channel.close();
        throw e;
      }
    } catch (IOException e) {
      throw new UserError(Text.format("%s cannot be opened to go on with: %s", path, e), e);
    }
  }

  private static CsvFile locked(Path path, FileChannel channel, List<String> header)
      throws IOException {
    if (!lock(channel)) {
      throw new UserError(
          Text.format(
              "%s is being written by another jresnet; wait for it, or name another", path));
    }
    Set<String> keys = new HashSet<>();
    long whole = scan(path, channel, Csv.line(header), keys);
    channel.truncate(whole).position(whole);
    CsvFile file = new CsvFile(path, channel, keys);
    if (whole == 0) {
      file.append(List.of(header));
    }
    return file;
  }

  /** The channel holds the lock until it is closed. */
  private static boolean lock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock() != null;
    } catch (OverlappingFileLockException e) {
      return false;
    }
  }

  /**
   * Reads the first cells of all whole records.
   *
   * @return where the last one ends
   */
  private static long scan(Path path, FileChannel channel, String header, Set<String> keys) {
    // Not closed: that would close the channel.
    CsvRecords records = new CsvRecords(path, Channels.newInputStream(channel));
    Optional<String> first = records.next();
    if (first.isEmpty() && records.position() > 0) {
      throw new UserError(
          Text.format("%s does not begin with the columns %s; name another file", path, header));
    } else if (first.isPresent() && !first.get().equals(header)) {
      throw new UserError(
          Text.format(
              "%s is another table: its columns are %s, expected %s; name another file",
              path, first.get(), header));
    }
    for (Optional<String> line = records.next(); line.isPresent(); line = records.next()) {
      keys.add(Csv.firstCell(path, line.get()));
    }
    return records.whole();
  }

  /** The first cells of the records that were there when it was opened. */
  public Set<String> keys() {
    return keys;
  }

  /**
   * Adds records.
   *
   * @throws UserError when they cannot be written; those before stay
   */
  public void append(List<List<String>> records) {
    StringBuilder text = new StringBuilder();
    records.forEach(record -> text.append(Csv.line(record)).append('\n'));
    try {
      AtomicFile.writeFully(
          channel, ByteBuffer.wrap(text.toString().getBytes(StandardCharsets.UTF_8)));
    } catch (IOException e) {
      throw new UserError(
          Text.format("%s cannot be written: %s; what is in it stays", path, e.getMessage()), e);
    }
  }

  @Override
  public void close() {
    if (!channel.isOpen()) {
      return;
    }
    try (channel) {
      channel.force(true);
    } catch (IOException e) {
      throw new UserError(Text.format("%s cannot be written: %s", path, e.getMessage()), e);
    }
  }
}
