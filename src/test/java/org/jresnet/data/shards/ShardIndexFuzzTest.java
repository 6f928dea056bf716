package org.jresnet.data.shards;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jresnet.base.Digests;
import org.jresnet.base.UserError;
import org.jresnet.data.ImageFolder;
import org.jresnet.testing.Bounded;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** An index and a list of shards: read, or refused with a name; nothing outside is reached. */
class ShardIndexFuzzTest {
  private static final Bounded.Limits LIMITS = new Bounded.Limits(2, 40, 64 << 20, 2000);

  @TempDir private static Path folder;

  @BeforeAll
  static void shard() throws Exception {
    Files.write(folder.resolve("images-000000.tar"), new byte[4096]);
  }

  static Stream<Arguments> seeds() {
    String index = "file,offset,bytes,crc32c\na/1.jpg,512,100,0a0b0c0d\nb/\"\"x/2.png,1024,0,ff\n";
    return Stream.of("I" + index, "I" + index.replace("b/", "../"), "M" + manifest("{}"), "M{}")
        .map(s -> Arguments.of((Object) s.getBytes(StandardCharsets.UTF_8)));
  }

  private static String manifest(String hash) {
    return "{\"format\":\"jresnet shards\",\"version\":1,\"pixels\":[],\"perShard\":2,\"seed\":1,"
        + "\"dataset\":\"\",\"shards\":[{\"name\":\"images-000000\",\"images\":2,\"bytes\":4096,"
        + "\"sha256\":\"\",\"indexSha256\":\""
        + hash
        + "\"}]}";
  }

  /** The first byte says which of the two files the others are. */
  @MethodSource("seeds")
  @FuzzTest
  void reads(byte[] bytes) throws Exception {
    byte[] content =
        bytes.length == 0 ? bytes : java.util.Arrays.copyOfRange(bytes, 1, bytes.length);
    Path index = folder.resolve("images-000000.csv");
    Path list = folder.resolve(Manifest.FILE);
    if (bytes.length > 0 && bytes[0] == 'M') {
      Files.write(list, content);
    } else {
      Files.write(index, content);
      Files.writeString(list, manifest(Digests.ofFile(index, "it", () -> false)));
    }
    Bounded.run(
        LIMITS,
        bytes.length,
        () -> {
          try {
            List<Path> images = ImageFolder.images(List.of(folder));
            for (Path image : images) {
              assertThat(image.toAbsolutePath().normalize().startsWith(folder)).isTrue();
              assertThat(Files.size(image)).isBetween(0L, 4096L);
            }
          } catch (UserError e) {
            assertThat(e.getMessage()).contains(folder.toString());
          }
          return null;
        });
  }
}
