package org.jresnet.data.shards;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jresnet.base.Csv;
import org.jresnet.base.Digests;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/** Where each image of a folder of shards lies. */
final class ShardIndex {
  static final List<String> HEADER = List.of("file", "offset", "bytes", "crc32c");

  /**
   * One image.
   *
   * @param shard number of its shard
   * @param offset of its first byte in the tar file
   * @param bytes of it
   * @param crc32c of its bytes
   */
  record Entry(int shard, long offset, int bytes, int crc32c) {}

  private final Map<String, Entry> entries = new HashMap<>();

  /** Names in each folder, by its path; the folder itself is "". */
  private final Map<String, List<String>> folders = new TreeMap<>();

  /**
   * Reads the indexes of all shards.
   *
   * @throws UserError naming the file that is missing, has another size or hash, or is no index
   */
  ShardIndex(Path folder, List<Manifest.Shard> shards) {
    folders.put("", new ArrayList<>());
    for (int s = 0; s < shards.size(); s++) {
      Manifest.Shard shard = shards.get(s);
      requireSize(shard, folder);
      Path index = shard.index(folder);
      String hash = Digests.ofFile(index, "the index of a shard", () -> false);
      if (!hash.equals(shard.indexSha256())) {
        throw new UserError(
            Text.format(
                "%s is damaged or of another packing: its SHA-256 is %s, expected %s; %s",
                index, hash, shard.indexSha256(), Shards.REPAIR));
      }
      Map<String, Entry> read = read(index, s, shard.bytes());
      if (read.size() != shard.images()) {
        throw new UserError(
            Text.format(
                "%s lists %s, expected %s; %s",
                index, Text.count(read.size(), "image"), shard.images(), Shards.REPAIR));
      }
      read.forEach((file, entry) -> add(index, file, entry));
    }
  }

  private static void requireSize(Manifest.Shard shard, Path folder) {
    Path tar = shard.tar(folder);
    try {
      if (!Files.isRegularFile(tar)) {
        throw new UserError(Text.format("the shard %s is missing; %s", tar, Shards.REPAIR));
      }
      long size = Files.size(tar);
      if (size != shard.bytes()) {
        throw new UserError(
            Text.format(
                "the shard %s has %s bytes, expected %s: it is %s; %s",
                tar,
                size,
                shard.bytes(),
                size < shard.bytes() ? "truncated" : "of another packing",
                Shards.REPAIR));
      }
    } catch (IOException e) {
      throw new UserError(Text.format("the shard %s cannot be read: %s", tar, e), e);
    }
  }

  /**
   * The images of one index, in the order of the shard.
   *
   * @param size of the tar file
   */
  static Map<String, Entry> read(Path index, int shard, long size) {
    List<List<String>> rows = Csv.read(index);
    if (rows.isEmpty() || !rows.get(0).equals(HEADER)) {
      throw new UserError(
          Text.format(
              "%s is no index of a shard: expected the first line %s",
              index, String.join(",", HEADER)));
    }
    Map<String, Entry> entries = new java.util.LinkedHashMap<>();
    for (List<String> row : rows.subList(1, rows.size())) {
      try {
        long offset = Long.parseLong(row.get(1));
        int bytes = Integer.parseInt(row.get(2));
        int crc = Integer.parseUnsignedInt(row.get(3), 16);
        boolean inside = offset >= 0 && bytes >= 0 && offset <= size - bytes;
        if (row.size() != HEADER.size()
            || !inside
            || !isName(row.get(0))
            || entries.put(row.get(0), new Entry(shard, offset, bytes, crc)) != null) {
          throw unusable(index, row);
        }
      } catch (NumberFormatException | IndexOutOfBoundsException e) {
        throw unusable(index, row);
      }
    }
    return entries;
  }

  private static UserError unusable(Path index, List<String> row) {
    return new UserError(
        Text.format(
            "%s: the record %s names no image inside of the shard, or one twice; %s",
            index, row, Shards.REPAIR));
  }

  /** A path that stays in its folder. */
  private static boolean isName(String file) {
    for (String part : file.split("/", -1)) {
      if (part.isEmpty() || part.equals(".") || part.equals("..") || part.indexOf('\0') >= 0) {
        return false;
      }
    }
    return true;
  }

  private void add(Path index, String file, Entry entry) {
    if (entries.put(file, entry) != null || folders.containsKey(file)) {
      throw new UserError(
          Text.format("%s: the image %s is in another shard, too; %s", index, file, Shards.REPAIR));
    }
    String name = file;
    while (true) {
      int slash = name.lastIndexOf('/');
      String parent = slash < 0 ? "" : name.substring(0, slash);
      boolean known = folders.containsKey(parent);
      folders.computeIfAbsent(parent, p -> new ArrayList<>()).add(name.substring(slash + 1));
      if (known) {
        return;
      }
      if (entries.containsKey(parent)) {
        throw new UserError(
            Text.format("%s: %s is an image and a folder; %s", index, parent, Shards.REPAIR));
      }
      name = parent;
    }
  }

  /** The image of that path below the folder, or null. */
  Entry entry(String file) {
    return entries.get(file);
  }

  /** What lies in a folder, or null where there is none. */
  List<String> folder(String path) {
    return folders.get(path);
  }
}
