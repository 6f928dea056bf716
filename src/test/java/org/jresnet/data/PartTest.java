package org.jresnet.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.jresnet.base.UserError;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.data.shards.Packer;
import org.jresnet.data.shards.Shards;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class PartTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({"1,1", "7,1", "7,3", "8,4", "3,5", "100000,1000"})
  void partsAreDisjointCompleteAndEven(int images, int parts) {
    List<Integer> all = IntStream.range(0, images).boxed().toList();
    List<Integer> together = new ArrayList<>();
    for (int k = 1; k <= parts; k++) {
      List<Integer> part = new Part(k, parts).of(all);
      assertThat(part.size()).as("part %s", k).isBetween(images / parts, images / parts + 1);
      together.addAll(part);
    }
    assertThat(together).isEqualTo(all);
  }

  @Test
  void theOrderDependsOnNamesAlone() {
    List<Path> images = new ArrayList<>();
    for (String name :
        List.of("b/2.jpg", "a/10.jpg", "a/2.jpg", "\uD83D\uDE00.jpg", "\uFB01.jpg")) {
      images.add(Path.of(name));
    }
    List<Path> expected =
        List.of(
            Path.of("a/10.jpg"),
            Path.of("a/2.jpg"),
            Path.of("b/2.jpg"),
            Path.of("\uFB01.jpg"),
            Path.of("\uD83D\uDE00.jpg"));
    for (int seed = 0; seed < 5; seed++) {
      images.add(images.get(seed));
      Collections.shuffle(images, new Random(seed));
      assertThat(Part.inOrder(images)).isEqualTo(expected);
    }
  }

  /** A part of images in shards reads few shards, here exactly two of six. */
  @Test
  void partsOfShardsAreShards() throws Exception {
    Path faces = folder.resolve("faces");
    Path packed = folder.resolve("packed");
    DrawnFaces.write(faces, new DrawnFaces.Options(12, 32, 3), done -> {});
    new Packer(faces, packed, new Packer.Options(Optional.empty(), 4, 1, 1))
        .run(
            new Packer.Listener() {
              @Override
              public void planned(int count, int shards) {
                assertThat(shards).isEqualTo(6);
              }

              @Override
              public void packed(int count) {}
            },
            () -> false);
    List<Path> images = Part.inOrder(ImageFolder.images(List.of(packed)));
    assertThat(images).hasSize(24);
    Set<Integer> seen = new HashSet<>();
    for (int k = 1; k <= 3; k++) {
      Set<Integer> shards = new HashSet<>();
      new Part(k, 3).of(images).forEach(i -> shards.add(Shards.shard(Shards.position(i))));
      assertThat(shards).hasSize(2);
      seen.addAll(shards);
    }
    assertThat(seen).hasSize(6);
  }

  @ParameterizedTest
  @ValueSource(strings = {"0/3", "4/3", "1/1001", "1/0", "3", "a/b", "1/2/3", "-1/2", ""})
  void othersAreRefused(String text) {
    assertThatThrownBy(() -> Part.of(text))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("part");
    assertThat(Part.of("3/100")).isEqualTo(new Part(3, 100)).hasToString("3/100");
  }
}
