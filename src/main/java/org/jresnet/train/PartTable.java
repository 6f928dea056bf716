package org.jresnet.train;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.Writer;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Csv;
import org.jresnet.base.CsvFile;
import org.jresnet.base.CsvRecords;
import org.jresnet.base.Digests;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.Part;

/**
 * One part of a table of predictions that several processes write; {@link PartMerge} puts them
 * together. The parts of {@code scores.csv} lie in {@code scores.csv.parts} as {@code
 * 00003-of-00100.csv}, each with a {@link PartRecord} that has the same name but for its ending. A
 * part that was stopped is gone on with, and one that is complete stays as it is.
 */
public final class PartTable implements AutoCloseable {
  static final String WHAT = "a part of the table";

  private final Path file;
  private final Path recordFile;
  private final PartRecord record;
  private final CsvFile rows;

  private PartTable(Path file, Path recordFile, PartRecord record, CsvFile rows) {
    this.file = file;
    this.recordFile = recordFile;
    this.record = record;
    this.rows = rows;
  }

  /** Where the parts of a table lie. */
  static Path folder(Path table) {
    return table.resolveSibling(table.getFileName() + ".parts");
  }

  private static String name(int part, int parts) {
    return Text.format("%05d-of-%05d", part, parts);
  }

  static Path csv(Path table, int part, int parts) {
    return folder(table).resolve(name(part, parts) + ".csv");
  }

  static Path json(Path table, int part, int parts) {
    return folder(table).resolve(name(part, parts) + ".json");
  }

  /** What a part that is about to be predicted is made of. */
  public static PartRecord record(
      Part part, Map<String, String> made, List<String> columns, List<Path> images) {
    List<String> names =
        images.stream().map(Path::toString).sorted(ImageFolder::pythonOrder).toList();
    return new PartRecord(part, made, columns, names.size(), Digests.ofLines(names));
  }

  /**
   * Begins a part, or goes on with it.
   *
   * @param overwrite begin it anew
   * @return empty when it is complete
   * @throws UserError when it was begun with another model, other options or other images, was
   *     changed since, or somebody else writes it
   */
  public static Optional<PartTable> open(Path table, PartRecord wanted, boolean overwrite) {
    Path file = csv(table, wanted.part(), wanted.parts());
    Path recordFile = json(table, wanted.part(), wanted.parts());
    try {
      Files.createDirectories(folder(table));
      if (overwrite) {
        Files.deleteIfExists(recordFile);
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new UserError(Text.format("%s cannot be written: %s", folder(table), e), e);
    }
    if (!Files.exists(recordFile)) {
      if (Files.exists(file)) {
        throw new UserError(
            Text.format(
                "%s exists without its record %s; use --overwrite to begin it anew",
                file, recordFile.getFileName()));
      }
      AtomicFile.write(recordFile, Json.pretty(wanted));
    }
    PartRecord found = PartRecord.read(recordFile);
    List<String> differences = found.differences(wanted);
    if (!differences.isEmpty() || found.part() != wanted.part()) {
      throw new UserError(
          Text.format(
              "%s was begun otherwise; do the same, or use --overwrite to begin it anew", file),
          differences);
    }
    if (found.complete()) {
      requireUnchanged(file, found);
      return Optional.empty();
    }
    return Optional.of(
        new PartTable(file, recordFile, wanted, CsvFile.open(file, wanted.columns())));
  }

  /** Checks the hash of a complete part. */
  static void requireUnchanged(Path file, PartRecord record) {
    if (!Digests.ofFile(file, WHAT, () -> false).equals(record.sha256())) {
      throw new UserError(
          Text.format(
              "%s is damaged or was changed: its SHA-256 is not that of its record; predict it"
                  + " again with --shard %s/%s --overwrite",
              file, record.part(), record.parts()));
    }
  }

  /** The names of images that an earlier process has done. */
  public Set<String> done() {
    return rows.keys();
  }

  /** Adds an image. */
  public void append(List<String> row) {
    rows.append(List.of(row));
  }

  /** Sorts the rows by name and says that all are there. */
  public void complete() {
    rows.close();
    List<Row> sorted = new ArrayList<>();
    try (CsvRecords records = CsvRecords.open(file, WHAT)) {
      records.next();
      for (Optional<String> line = records.next(); line.isPresent(); line = records.next()) {
        sorted.add(new Row(records.key(line.get()), line.get()));
      }
    }
    sorted.sort(Comparator.comparing(Row::name, ImageFolder::pythonOrder));
    AtomicFile.write(
        file,
        channel -> {
          Writer out = new BufferedWriter(Channels.newWriter(channel, StandardCharsets.UTF_8));
          out.write(Csv.line(record.columns()) + "\n");
          for (Row row : sorted) {
            out.write(row.line + "\n");
          }
          out.flush();
        });
    PartRecord done = record.completed(sorted.size(), Digests.ofFile(file, WHAT, () -> false));
    AtomicFile.write(recordFile, Json.pretty(done));
  }

  private record Row(String name, String line) {}

  @Override
  public void close() {
    rows.close();
  }
}
