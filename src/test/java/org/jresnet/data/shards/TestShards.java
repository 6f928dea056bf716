package org.jresnet.data.shards;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jresnet.base.Csv;

/** Shards for tests of what reads them. */
public final class TestShards {
  private TestShards() {}

  /** Packs a folder's files as they are, 14 to a shard. */
  public static Path pack(Path data, Path shards) {
    Packer.Listener silent =
        new Packer.Listener() {
          @Override
          public void planned(int images, int count) {}

          @Override
          public void packed(int images) {}
        };
    new Packer(data, shards, new Packer.Options(Optional.empty(), 14, 1, 1))
        .run(silent, () -> false);
    return shards;
  }

  /** The file of a shard. */
  public static Path tar(Path shards, int number) {
    return shards.resolve(String.format("images-%06d.tar", number));
  }

  /** Changes a bit in every image of a shard. */
  public static void damage(Path shards, int number) throws IOException {
    Path tar = tar(shards, number);
    byte[] bytes = Files.readAllBytes(tar);
    List<List<String>> images = Csv.read(shards.resolve(String.format("images-%06d.csv", number)));
    for (List<String> image : images.subList(1, images.size())) {
      bytes[Integer.parseInt(image.get(1)) + 100] ^= 1;
    }
    Files.write(tar, bytes);
  }
}
