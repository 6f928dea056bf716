package org.jresnet.data.shards;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Json;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Dataset;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Sample;
import org.jresnet.data.Split;

/**
 * Packs a data folder into shards. Images are packed in a seeded random order, those of {@code
 * train}, {@code val} and {@code test} folders apart. The same folder and options give the same
 * bytes. Packing that was stopped or killed goes on with the first shard that is not whole; packing
 * again where all is done checks every shard, and writes damaged ones anew.
 */
public final class Packer {
  /** Says what is being packed until all of it is. */
  static final String PLAN = "packing.json";

  /** Where a shard ends at the latest, by what its images are expected to take. */
  private static final long SHARD_BYTES = 1L << 30;

  private static final double USUAL_ASPECT = 1.5;

  /**
   * How to pack.
   *
   * @param pixels reduces and decodes images; empty: files stay as they are
   * @param perShard most images of a shard
   * @param seed of the order
   * @param threads that read and decode
   */
  public record Options(Optional<Preprocess> pixels, int perShard, long seed, int threads) {
    /** Checks the numbers. */
    public Options {
      if (perShard < 1 || threads < 1) {
        throw new UserError(
            Text.format(
                "a shard has at least 1 image and packing at least 1 thread, found %s and %s",
                perShard, threads));
      }
    }
  }

  /** Told how packing goes. */
  public interface Listener {
    /** What is to be packed is known. */
    void planned(int images, int shards);

    /** Images that are packed so far. */
    void packed(int images);
  }

  /**
   * What was packed.
   *
   * @param images all
   * @param shards all
   * @param found shards that were there already
   * @param bytes of all shards
   * @param bad images that could not be decoded, with the reason: packed as they are
   */
  public record Result(int images, int shards, int found, long bytes, Map<String, String> bad) {}

  private final Path data;
  private final Path folder;
  private final Options options;

  /**
   * Packs a folder.
   *
   * @param data a data folder, also one of shards
   * @param folder for the shards: new, empty, or begun with the same images and options
   */
  public Packer(Path data, Path folder, Options options) {
    this.data = data;
    this.folder = folder;
    this.options = options;
  }

  /** The images of one shard. */
  record Planned(String name, int firstKey, List<Sample> samples) {}

  /**
   * Packs, or goes on.
   *
   * @param stop is asked before each image
   * @throws UserError when the folder holds something else or a file cannot be read or written;
   *     {@link org.jresnet.base.Stopped} when asked to stop
   */
  public Result run(Listener listener, BooleanSupplier stop) {
    Map<String, List<Sample>> parts = parts();
    List<Sample> all = parts.values().stream().flatMap(List::stream).toList();
    List<String> classes = classes();
    Manifest plan =
        new Manifest(
            Manifest.FORMAT,
            Manifest.VERSION,
            options.pixels().map(PixelForm::of).stream().toList(),
            options.perShard(),
            options.seed(),
            new Dataset(classes, all, 0).hash(),
            List.of());
    List<Planned> planned = new ArrayList<>();
    parts.forEach((name, samples) -> plan(name, samples, planned));
    listener.planned(all.size(), planned.size());
    Map<String, Manifest.Shard> before = begin(plan);
    try {
      FileChannel held = lock();
      try {
        AtomicFile.removeLeftovers(folder, planned.stream().flatMap(Packer::files).toList());
        Result result = pack(plan, planned, before, classes, new Watch(listener, stop));
        // The plan goes last: until then packing goes on, with nothing left to do.
        Files.deleteIfExists(folder.resolve(PLAN));
        return result;
      } finally {
        held.close();
      }
    } catch (IOException e) {
      throw new UserError(Text.format("cannot pack into %s: %s", folder, e), e);
    }
  }

  private record Watch(Listener listener, BooleanSupplier stop) {}

  private Result pack(
      Manifest plan,
      List<Planned> planned,
      Map<String, Manifest.Shard> then,
      List<String> classes,
      Watch watch) {
    List<Manifest.Shard> shards = new ArrayList<>();
    int done = 0;
    int found = 0;
    try (ShardWriter writer = new ShardWriter(folder, classes, options, watch.stop)) {
      for (Planned shard : planned) {
        Optional<Manifest.Shard> whole =
            writer.whole(shard, Optional.ofNullable(then.get(shard.name())));
        int before = done;
        IntConsumer progress = images -> watch.listener.packed(before + images);
        shards.add(whole.isPresent() ? whole.get() : writer.write(shard, progress));
        found += whole.isPresent() ? 1 : 0;
        done += shard.samples().size();
        watch.listener.packed(done);
      }
      AtomicFile.write(folder.resolve(Manifest.FILE), Json.pretty(plan.with(shards)));
      long bytes = shards.stream().mapToLong(Manifest.Shard::bytes).sum();
      return new Result(done, shards.size(), found, bytes, writer.bad());
    }
  }

  private static Stream<String> files(Planned shard) {
    return Stream.of(shard.name() + ".tar", shard.name() + ".csv");
  }

  /** The images by the names of their shards. */
  private Map<String, List<Sample>> parts() {
    Map<String, List<Sample>> parts = new LinkedHashMap<>();
    if (Split.hasOwnParts(data)) {
      Split.ownParts(data).parts().forEach((part, samples) -> parts.put(part.id(), samples));
    } else {
      parts.put("images", ImageFolder.scan(data).samples());
    }
    parts.values().removeIf(List::isEmpty);
    return parts;
  }

  private List<String> classes() {
    return Split.hasOwnParts(data)
        ? Split.ownParts(data).classes()
        : ImageFolder.scan(data).classes();
  }

  private void plan(String name, List<Sample> samples, List<Planned> planned) {
    int[] order =
        RandomStreams.permutation(
            samples.size(), RandomStreams.of(options.seed(), "pack", name.hashCode()));
    List<Sample> shard = new ArrayList<>();
    long bytes = 0;
    int number = 0;
    for (int i : order) {
      long next = expectedBytes(samples.get(i));
      if (!shard.isEmpty() && (shard.size() == options.perShard() || bytes + next > SHARD_BYTES)) {
        planned.add(planned(name, number++, shard, planned));
        shard = new ArrayList<>();
        bytes = 0;
      }
      shard.add(samples.get(i));
      bytes += next;
    }
    planned.add(planned(name, number, shard, planned));
  }

  private static Planned planned(
      String name, int number, List<Sample> samples, List<Planned> before) {
    int firstKey = before.stream().mapToInt(p -> p.samples().size()).sum();
    return new Planned(Text.format("%s-%06d", name, number), firstKey, List.copyOf(samples));
  }

  private long expectedBytes(Sample sample) {
    if (options.pixels().isPresent()) {
      Preprocess p = options.pixels().get();
      double side =
          (double) p.size()
              * (p.mode() == Preprocess.Mode.CROP
                  ? (double) p.scaling().resize() / p.scaling().crop()
                  : 1);
      return (long) (3 * side * side * USUAL_ASPECT);
    }
    try {
      return Files.size(sample.file());
    } catch (IOException e) {
      throw new UserError(Text.format("the image %s cannot be read: %s", sample.file(), e), e);
    }
  }

  /** Makes sure that the folder is for this; what is known of shards that were whole once. */
  private Map<String, Manifest.Shard> begin(Manifest plan) {
    Path whole = folder.resolve(Manifest.FILE);
    Path begun = folder.resolve(PLAN);
    try {
      Files.createDirectories(folder);
      for (Path file : List.of(whole, begun)) {
        if (Files.exists(file)) {
          Manifest then = Manifest.read(file);
          requireSame(then.plan(), plan);
          AtomicFile.write(begun, Json.pretty(plan));
          return then.shards().stream().collect(Collectors.toMap(Manifest.Shard::name, s -> s));
        }
      }
      try (Stream<Path> there = Files.list(folder)) {
        if (there.findAny().isPresent()) {
          throw new UserError(
              Text.format("%s is not empty and holds no shards; name a new folder", folder));
        }
      }
    } catch (IOException e) {
      throw new UserError(Text.format("the folder %s cannot be used: %s", folder, e), e);
    }
    AtomicFile.write(begun, Json.pretty(plan));
    return Map.of();
  }

  private void requireSame(Manifest then, Manifest now) {
    if (!then.equals(now)) {
      throw new UserError(
          Text.format(
              "%s holds shards of other images or options (%s); pack into a new folder, or delete"
                  + " this one first",
              folder, String.join("; ", Json.differences(then, now))));
    }
  }

  /** Two that pack the same at the same time would delete each other's temporary files. */
  private FileChannel lock() throws IOException {
    FileChannel channel = FileChannel.open(folder.resolve(PLAN), StandardOpenOption.WRITE);
    try {
      if (channel.tryLock() != null) {
        return channel;
      }
    } catch (OverlappingFileLockException e) {
      // the same process: said below
    }
    channel.close();
    throw new UserError(
        Text.format("another jresnet packs into %s; wait for it, or name another", folder));
  }
}
