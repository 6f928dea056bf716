package org.jresnet.data.shards;

import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/** Folders of shards as data folders. */
public final class Shards {
  /** What to do about shards that are not what their list says. */
  static final String REPAIR = "copy the shards again from where they were packed, or pack again";

  private Shards() {}

  /** Whether a folder holds shards. */
  public static boolean isShards(Path folder) {
    return Files.isRegularFile(folder.resolve(Manifest.FILE));
  }

  /**
   * The same path inside of shards, where it names a folder of shards or something in it: names,
   * sizes and contents are those of the images that were packed. Any other path comes back as it
   * is.
   *
   * @throws UserError when shards are missing, damaged, of another version, or not complete yet
   */
  public static Path enter(Path path) {
    if (path.getFileSystem() != FileSystems.getDefault() || Files.isRegularFile(path)) {
      return path;
    }
    Path folder = path;
    while (folder != null && !Files.isDirectory(folder)) {
      folder = folder.getParent();
    }
    if (folder == null) {
      return path;
    }
    if (isShards(folder)) {
      ShardPath root = new ShardFileSystem(folder).root();
      return folder.equals(path) ? root : root.resolve(folder.relativize(path).toString());
    }
    if (folder.equals(path) && Files.exists(folder.resolve(Packer.PLAN))) {
      throw new UserError(
          Text.format(
              "%s is not packed completely; run the jresnet pack that made it again, and it goes"
                  + " on",
              folder));
    }
    return path;
  }

  /**
   * Where an image lies in its shards: shards in order, images in the order of a shard.
   *
   * @return a number that grows along the shards; -1 for an image that lies in none
   */
  public static long position(Path file) {
    return file instanceof ShardPath path ? path.getFileSystem().position(path) : -1;
  }

  /** The folder of shards that an image lies in; "" for an image that lies in none. */
  public static String folder(Path file) {
    return file instanceof ShardPath path ? path.getFileSystem().root().toString() : "";
  }

  /**
   * Reads from end to end what lies between images of a shard, so that looking at each of them does
   * not wait for the disk.
   */
  public static void load(List<Path> files) {
    Map<ShardFileSystem, Map<Integer, long[]>> stretches = new IdentityHashMap<>();
    for (Path file : files) {
      if (file instanceof ShardPath path) {
        ShardFileSystem system = path.getFileSystem();
        ShardIndex.Entry e = system.entry(path);
        long[] own = {e.offset(), e.offset() + e.bytes()};
        stretches
            .computeIfAbsent(system, s -> new TreeMap<>())
            .merge(
                e.shard(), own, (a, b) -> new long[] {Math.min(a[0], b[0]), Math.max(a[1], b[1])});
      }
    }
    stretches.forEach(
        (system, shards) -> shards.forEach((shard, s) -> system.load(shard, s[0], s[1])));
  }

  /** The number of the shard of a {@link #position}. */
  public static int shard(long position) {
    return (int) (position >>> ShardFileSystem.OFFSET_BITS);
  }
}
