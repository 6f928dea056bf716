package org.jresnet.data.shards;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/**
 * {@code shards.json}: what a folder of shards holds.
 *
 * @param format always {@value #FORMAT}
 * @param version of the format, {@value #VERSION}
 * @param pixels how images were reduced, at most one; none: the files as they were
 * @param perShard most images of a shard
 * @param seed of the order in which images were packed
 * @param dataset SHA-256 of names, sizes and labels of what was packed
 * @param shards in order
 */
record Manifest(
    String format,
    int version,
    List<PixelForm> pixels,
    int perShard,
    long seed,
    String dataset,
    List<Shard> shards) {
  static final String FILE = "shards.json";
  static final String FORMAT = "jresnet shards";
  static final int VERSION = 1;

  /**
   * One tar file with its index.
   *
   * @param name of both files without {@code .tar} and {@code .csv}
   * @param images in it
   * @param bytes of the tar file
   * @param sha256 of the tar file
   * @param indexSha256 of the index
   */
  record Shard(String name, int images, long bytes, String sha256, String indexSha256) {
    Shard {
      if (!name.matches("[a-z]+-\\d{6}") || images < 1 || bytes < 1) {
        throw new IllegalArgumentException(
            Text.format("no shard: name '%s', images %s, bytes %s", name, images, bytes));
      }
    }

    Path tar(Path folder) {
      return folder.resolve(name + ".tar");
    }

    Path index(Path folder) {
      return folder.resolve(name + ".csv");
    }
  }

  Manifest {
    pixels = List.copyOf(pixels);
    shards = List.copyOf(shards);
  }

  Optional<PixelForm> form() {
    return pixels.stream().findFirst();
  }

  /** The same without shards: what is to be packed, and how. */
  Manifest plan() {
    return with(List.of());
  }

  Manifest with(List<Shard> packed) {
    return new Manifest(format, version, pixels, perShard, seed, dataset, packed);
  }

  /**
   * Reads a manifest or a plan.
   *
   * @throws UserError when it is none, or of another version
   */
  static Manifest read(Path file) {
    Map<String, Object> fields = Json.object(file, "the list of shards");
    if (!FORMAT.equals(fields.get("format"))) {
      throw new UserError(
          Text.format(
              "%s does not describe shards of jresnet: format is %s, expected \"%s\"",
              file, fields.get("format"), FORMAT));
    }
    if (!Integer.valueOf(VERSION).equals(fields.get("version"))) {
      throw new UserError(
          Text.format(
              "%s has version %s of the format, and this jresnet reads version %s; pack the data"
                  + " folder again with it, or read it with the jresnet that packed it",
              file, fields.get("version"), VERSION));
    }
    return Json.read(file, "the list of shards", Manifest.class);
  }
}
