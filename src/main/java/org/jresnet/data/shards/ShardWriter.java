package org.jresnet.data.shards;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;
import java.util.zip.CRC32C;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.io.output.CloseShieldOutputStream;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Csv;
import org.jresnet.base.Digests;
import org.jresnet.base.Json;
import org.jresnet.base.Stopped;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.BadImageException;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Sample;

/**
 * Writes shards, one after the other. Threads read and decode a few images ahead of the one that is
 * being written; no more than these are in memory.
 */
final class ShardWriter implements AutoCloseable {
  private static final int AHEAD_PER_THREAD = 4;
  private static final int BUFFER = 1 << 20;

  /** What Java maps at once, less the end of a tar file. */
  private static final int LARGEST = Integer.MAX_VALUE - (1 << 16);

  /** Pixels begin with "P6", as no other image does. */
  private static final String PPM = "ppm";

  private final Path folder;
  private final List<String> classes;
  private final Packer.Options options;
  private final BooleanSupplier stop;
  private final ExecutorService readers;
  private final Map<String, String> bad = Collections.synchronizedMap(new TreeMap<>());

  ShardWriter(Path folder, List<String> classes, Packer.Options options, BooleanSupplier stop) {
    this.folder = folder;
    this.classes = classes;
    this.options = options;
    this.stop = stop;
    readers =
        Executors.newFixedThreadPool(
            options.threads(),
            task -> {
              Thread thread = new Thread(task, "pack images");
              thread.setDaemon(true);
              return thread;
            });
  }

  /** Images that could not be decoded, with the reason. */
  Map<String, String> bad() {
    return Map.copyOf(bad);
  }

  private record Content(String extension, byte[] bytes) {}

  /**
   * A shard that an earlier run wrote to its end, with the images that are to be in it.
   *
   * @param then what is known of it, if all shards were whole once: it must still be that
   */
  Optional<Manifest.Shard> whole(Packer.Planned planned, Optional<Manifest.Shard> then) {
    Path tar = folder.resolve(planned.name() + ".tar");
    Path index = folder.resolve(planned.name() + ".csv");
    if (!Files.isRegularFile(tar) || !Files.isRegularFile(index)) {
      return Optional.empty();
    }
    try {
      long size = Files.size(tar);
      List<String> there = List.copyOf(ShardIndex.read(index, 0, size).keySet());
      if (!there.equals(planned.samples().stream().map(Sample::id).toList())) {
        return Optional.empty();
      }
      String hash = Digests.ofFile(tar, "the shard", stop);
      Manifest.Shard now = shard(planned, size, hash, index);
      return then.isPresent() && !then.get().equals(now) ? Optional.empty() : Optional.of(now);
    } catch (UserError e) {
      // A damaged index: the shard is written again.
      return Optional.empty();
    } catch (IOException e) {
      throw new UserError(Text.format("the shard %s cannot be read: %s", tar, e), e);
    }
  }

  private Manifest.Shard shard(Packer.Planned planned, long bytes, String hash, Path index) {
    String indexHash = Digests.ofFile(index, "the index of a shard", stop);
    return new Manifest.Shard(planned.name(), planned.samples().size(), bytes, hash, indexHash);
  }

  /** Writes a shard, then its index, which makes it whole. */
  Manifest.Shard write(Packer.Planned planned, IntConsumer progress) {
    Path tar = folder.resolve(planned.name() + ".tar");
    Path index = folder.resolve(planned.name() + ".csv");
    List<List<String>> rows = new ArrayList<>(List.of(ShardIndex.HEADER));
    MessageDigest digest = Digests.sha256();
    long[] size = new long[1];
    AtomicFile.write(
        tar,
        channel -> {
          OutputStream plain = new BufferedOutputStream(Channels.newOutputStream(channel), BUFFER);
          // The channel must stay open: what it wrote is still forced to the disk.
          try (OutputStream out =
                  new DigestOutputStream(CloseShieldOutputStream.wrap(plain), digest);
              TarArchiveOutputStream archive = new TarArchiveOutputStream(out)) {
            images(planned, archive, rows, progress);
          }
          plain.flush();
          size[0] = channel.position();
        });
    Csv.write(index, rows);
    return shard(planned, size[0], Digests.hex(digest), index);
  }

  private void images(
      Packer.Planned planned,
      TarArchiveOutputStream archive,
      List<List<String>> rows,
      IntConsumer progress)
      throws IOException {
    Deque<Future<Content>> ahead = new ArrayDeque<>();
    List<Sample> samples = planned.samples();
    try {
      int asked = 0;
      for (int i = 0; i < samples.size(); i++) {
        while (asked < samples.size() && asked <= i + AHEAD_PER_THREAD * options.threads()) {
          Sample next = samples.get(asked++);
          ahead.add(readers.submit(() -> content(next)));
        }
        if (stop.getAsBoolean()) {
          throw new Stopped("stopped while images were packed; run it again to go on");
        }
        image(archive, planned.firstKey() + i, samples.get(i), taken(ahead.poll()), rows);
        if (archive.getBytesWritten() > LARGEST) {
          throw new UserError(
              Text.format(
                  "%s gets larger than 2 GB; use a smaller --per-shard", planned.name() + ".tar"));
        }
        progress.accept(i + 1);
      }
    } finally {
      ahead.forEach(f -> f.cancel(false));
    }
  }

  private static Content taken(Future<Content> content) {
    try {
      return content.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException r) {
        throw r;
      }
      throw new IllegalStateException("a packing thread failed", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UserError("interrupted while images were packed", e);
    }
  }

  private Content content(Sample sample) {
    Path file = sample.file();
    if (options.pixels().isPresent()) {
      Preprocess preprocess = options.pixels().get();
      try {
        return new Content(PPM, PixelForm.ppm(ImageDecoder.reduced(file, preprocess)));
      } catch (BadImageException e) {
        // As it is: whoever reads it gets the error that the file would give.
        bad.put(sample.id(), e.getMessage());
      }
    }
    try {
      String name = sample.id();
      String extension = name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
      return new Content(extension, Files.readAllBytes(file));
    } catch (IOException e) {
      throw new UserError(Text.format("the image %s cannot be read: %s", file, e), e);
    }
  }

  private void image(
      TarArchiveOutputStream archive,
      int number,
      Sample sample,
      Content content,
      List<List<String>> rows)
      throws IOException {
    String key = Text.format("%09d", number);
    Map<String, Object> description = new LinkedHashMap<>();
    description.put("file", sample.id());
    description.put("class", classes.get(sample.label()));
    description.put("label", sample.label());
    long offset = entry(archive, key + "." + content.extension(), content.bytes());
    entry(archive, key + ".cls", utf8(String.valueOf(sample.label())));
    entry(archive, key + ".json", utf8(Json.line(description)));
    CRC32C crc = new CRC32C();
    crc.update(content.bytes());
    rows.add(
        List.of(
            sample.id(),
            String.valueOf(offset),
            String.valueOf(content.bytes().length),
            Text.format("%08x", crc.getValue())));
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Writes a file with nothing in its header that differs from run to run; where its bytes are. */
  private static long entry(TarArchiveOutputStream archive, String name, byte[] bytes)
      throws IOException {
    TarArchiveEntry entry = new TarArchiveEntry(name);
    entry.setModTime(FileTime.fromMillis(0));
    entry.setIds(0, 0);
    entry.setNames("", "");
    entry.setSize(bytes.length);
    archive.putArchiveEntry(entry);
    long offset = archive.getBytesWritten();
    archive.write(bytes);
    archive.closeArchiveEntry();
    return offset;
  }

  @Override
  public void close() {
    readers.shutdownNow();
  }
}
