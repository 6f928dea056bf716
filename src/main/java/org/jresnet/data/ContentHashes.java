package org.jresnet.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Csv;
import org.jresnet.base.Digests;
import org.jresnet.base.UserError;

/**
 * SHA-256 of the contents of images, read by several threads, and remembered by id, size and times:
 * a set of 87,000 images is read once and then only looked at.
 *
 * <p>A file that changed within two seconds before it was read is not remembered: another change in
 * the same tick of the clock would leave its size and times as they are.
 */
public final class ContentHashes {
  private static final List<String> HEADER = List.of("file", "size", "times", "sha256");
  private static final int SETTLED_SECONDS = 2;

  /**
   * What is remembered of a file.
   *
   * @param size in bytes
   * @param times of the last change of content and, where the system has it, of its entry, which no
   *     program can set back
   * @param sha256 of the content
   */
  private record Known(long size, String times, String sha256, boolean settled) {
    boolean of(Known now) {
      return size == now.size && times.equals(now.times);
    }
  }

  private final Map<String, Known> known = new HashMap<>();
  private final BooleanSupplier stop;

  /**
   * Starts with what a cache file remembers. A cache that is missing or damaged is an empty one.
   *
   * @param stop is asked while files are read
   */
  public ContentHashes(Path cache, BooleanSupplier stop) {
    this.stop = stop;
    if (!Files.isRegularFile(cache)) {
      return;
    }
    try {
      List<List<String>> rows = Csv.read(cache);
      if (rows.isEmpty() || !rows.get(0).equals(HEADER)) {
        return;
      }
      for (List<String> row : rows.subList(1, rows.size())) {
        if (row.size() == HEADER.size() && row.get(3).matches("[0-9a-f]{64}")) {
          known.put(
              row.get(0), new Known(Long.parseLong(row.get(1)), row.get(2), row.get(3), true));
        }
      }
    } catch (UserError | NumberFormatException e) {
      known.clear();
    }
  }

  /** What the cache file remembered, by id: the contents of then, whatever the files hold now. */
  public Map<String, String> remembered() {
    Map<String, String> hashes = new HashMap<>();
    known.forEach((id, k) -> hashes.put(id, k.sha256()));
    return hashes;
  }

  /**
   * Hashes of all samples, by id.
   *
   * @param threads that read, at least 1
   * @throws UserError naming a file that cannot be read; {@link org.jresnet.base.Stopped} when
   *     asked to stop
   */
  public Map<String, String> of(List<Sample> samples, int threads) {
    ExecutorService readers = Executors.newFixedThreadPool(threads, ContentHashes::daemon);
    try {
      List<Future<Known>> results = new ArrayList<>();
      for (Sample s : samples) {
        Callable<Known> read = () -> read(s);
        results.add(readers.submit(read));
      }
      Map<String, String> hashes = new HashMap<>();
      for (int i = 0; i < samples.size(); i++) {
        Known result = results.get(i).get();
        known.put(samples.get(i).id(), result);
        hashes.put(samples.get(i).id(), result.sha256());
      }
      return hashes;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException r) {
        throw r;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UserError("interrupted while images were read", e);
    } finally {
      readers.shutdownNow();
    }
  }

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "hash images");
    thread.setDaemon(true);
    return thread;
  }

  private Known read(Sample sample) {
    // The times of before: a change while the file is read shows in the times of later.
    Known now = look(sample.file());
    Known before = known.get(sample.id());
    if (before != null && before.of(now)) {
      return before;
    }
    String hash = Digests.ofFile(sample.file(), "the image", stop);
    return new Known(now.size(), now.times(), hash, now.settled());
  }

  private static Known look(Path file) {
    try {
      FileTime modified;
      String times;
      long size;
      boolean settled;
      Instant recently = Instant.now().minusSeconds(SETTLED_SECONDS);
      if (file.getFileSystem().supportedFileAttributeViews().contains("unix")) {
        Map<String, Object> a = Files.readAttributes(file, "unix:size,lastModifiedTime,ctime");
        modified = (FileTime) a.get("lastModifiedTime");
        FileTime entry = (FileTime) a.get("ctime");
        size = (Long) a.get("size");
        times = modified + "/" + entry;
        settled = entry.toInstant().isBefore(recently);
      } else {
        modified = Files.getLastModifiedTime(file);
        size = Files.size(file);
        times = modified.toString();
        settled = true;
      }
      return new Known(size, times, "", settled && modified.toInstant().isBefore(recently));
    } catch (IOException e) {
      throw new UserError("the image " + file + " is gone or cannot be read: " + e, e);
    }
  }

  /** Remembers everything for the next time. */
  public void save(Path cache) {
    List<String> lines = new ArrayList<>(List.of(Csv.line(HEADER)));
    known.entrySet().stream()
        .filter(e -> e.getValue().settled())
        .sorted(Map.Entry.comparingByKey())
        .forEach(
            e -> {
              Known k = e.getValue();
              lines.add(
                  Csv.line(List.of(e.getKey(), Long.toString(k.size()), k.times(), k.sha256())));
            });
    AtomicFile.write(cache, String.join("\n", lines) + "\n");
  }

  /** One hash over ids and contents, for a record. */
  public static String combined(Map<String, String> hashes) {
    return Digests.ofLines(
        hashes.entrySet().stream()
            .sorted(Map.Entry.comparingByKey())
            .map(e -> e.getKey() + "\t" + e.getValue())
            .toList());
  }
}
