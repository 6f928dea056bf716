package org.jresnet.train;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.Writer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Closing;
import org.jresnet.base.Csv;
import org.jresnet.base.CsvRecords;
import org.jresnet.base.Digests;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.ImageFolder;

/**
 * Puts the {@linkplain PartTable parts} of a table together: each part once, of the same model,
 * options and images, sorted by name. However many rows there are, one of each part is in memory.
 */
public final class PartMerge {
  private static final Pattern RECORD = Pattern.compile("(\\d{5})-of-(\\d{5})\\.json");

  private final Path table;
  private int rows;
  private int failed;

  private PartMerge(Path table) {
    this.table = table;
  }

  /**
   * What was merged.
   *
   * @param failed images that have an error in place of a prediction
   */
  public record Result(int parts, int images, int failed) {}

  /**
   * Writes the table; the parts stay.
   *
   * @throws UserError naming the parts that are missing, not complete, damaged, there twice, or of
   *     another model, other options or other images
   */
  public static Result merge(Path table) {
    return new PartMerge(table).run();
  }

  private Result run() {
    List<PartRecord> records = records();
    PartRecord first = records.get(0);
    AtomicFile.write(table, channel -> write(channel, records));
    return new Result(first.parts(), rows, failed);
  }

  /** The records of all parts in their order, checked. */
  private List<PartRecord> records() {
    TreeMap<Integer, TreeMap<Integer, PartRecord>> byCount = new TreeMap<>();
    Path folder = PartTable.folder(table);
    if (!Files.isDirectory(folder)) {
      throw new UserError(
          Text.format(
              "there are no parts of %s: expected the folder %s, which predict --csv %s --shard K/N"
                  + " makes",
              table, folder, Text.shellWord(table)));
    }
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      for (Path entry : entries) {
        Matcher name = RECORD.matcher(entry.getFileName().toString());
        if (name.matches()) {
          PartRecord record = PartRecord.read(entry);
          int part = Integer.parseInt(name.group(1));
          int parts = Integer.parseInt(name.group(2));
          if (record.part() != part || record.parts() != parts) {
            throw new UserError(
                Text.format(
                    "%s says that it is part %s/%s: that part is there twice, or was renamed;"
                        + " remove the copy",
                    entry, record.part(), record.parts()));
          }
          byCount.computeIfAbsent(parts, n -> new TreeMap<>()).put(part, record);
        }
      }
    } catch (IOException e) {
      throw new UserError(Text.format("%s cannot be read: %s", folder, e), e);
    }
    if (byCount.size() != 1) {
      throw new UserError(
          Text.format(
              "%s holds parts of %s; expected all parts of one division, remove the others",
              folder,
              byCount.isEmpty()
                  ? "no table"
                  : "several divisions, into "
                      + String.join(
                          " and into ", byCount.keySet().stream().map(String::valueOf).toList())));
    }
    List<PartRecord> found = List.copyOf(byCount.firstEntry().getValue().values());
    requireAll(folder, found);
    requireSame(folder, found);
    return found;
  }

  private static void requireAll(Path folder, List<PartRecord> found) {
    int parts = found.get(0).parts();
    List<String> problems = new ArrayList<>();
    int next = 0;
    for (int part = 1; part <= parts; part++) {
      if (next == found.size() || found.get(next).part() != part) {
        problems.add(Text.format("part %s/%s is missing", part, parts));
      } else if (!found.get(next++).complete()) {
        problems.add(Text.format("part %s/%s is not complete", part, parts));
      }
    }
    if (!problems.isEmpty()) {
      throw new UserError(
          Text.format(
              "%s lacks %s of %s; run predict with --shard for each of them, and it goes on where"
                  + " it stopped",
              folder, problems.size(), Text.count(parts, "part")),
          problems);
    }
  }

  private static void requireSame(Path folder, List<PartRecord> found) {
    PartRecord first = found.get(0);
    List<String> problems = new ArrayList<>();
    for (PartRecord record : found) {
      for (String difference : first.differences(record)) {
        problems.add(Text.format("part %s: in part 1 %s", record.part(), difference));
      }
    }
    if (!problems.isEmpty()) {
      throw new UserError(
          Text.format(
              "the parts in %s do not belong together; predict those that differ again with"
                  + " --overwrite",
              folder),
          problems);
    }
  }

  private static final class Source implements AutoCloseable {
    private final Path file;
    private final CsvRecords records;
    private String line;
    private String name;

    Source(Path file) {
      this.file = file;
      records = CsvRecords.open(file, PartTable.WHAT);
      records.next();
    }

    boolean advance() {
      Optional<String> next = records.next();
      line = next.orElse("");
      name = next.map(records::key).orElse("");
      return next.isPresent();
    }

    @Override
    public void close() {
      records.close();
    }
  }

  private void write(FileChannel channel, List<PartRecord> parts) throws IOException {
    MessageDigest list = Digests.sha256();
    PartRecord first = parts.get(0);
    List<Source> sources = new ArrayList<>();
    try {
      PriorityQueue<Source> next =
          new PriorityQueue<>(Comparator.comparing(s -> s.name, ImageFolder::pythonOrder));
      for (PartRecord part : parts) {
        Path file = PartTable.csv(table, part.part(), part.parts());
        PartTable.requireUnchanged(file, part);
        Source source = new Source(file);
        sources.add(source);
        if (source.advance()) {
          next.add(source);
        }
      }
      Writer out = new BufferedWriter(Channels.newWriter(channel, StandardCharsets.UTF_8));
      out.write(Csv.line(first.columns()) + "\n");
      String before = null;
      while (!next.isEmpty()) {
        Source source = next.poll();
        if (source.name.equals(before)) {
          throw new UserError(
              Text.format(
                  "the image %s is in two parts, one of them %s; predict the parts again with"
                      + " --overwrite",
                  before, source.file));
        }
        before = source.name;
        rows++;
        // The last column is the error.
        failed += source.line.endsWith(",") ? 0 : 1;
        list.update((source.name + "\n").getBytes(StandardCharsets.UTF_8));
        out.write(source.line + "\n");
        if (source.advance()) {
          next.add(source);
        }
      }
      out.flush();
    } finally {
      Closing.closeAll(sources);
    }
    if (rows != first.images() || !Digests.hex(list).equals(first.list())) {
      throw new UserError(
          Text.format(
              "the parts hold %s, and not the %s that were to be predicted; predict the parts"
                  + " again with --overwrite",
              Text.count(rows, "image"), first.images()));
    }
  }
}
