package org.jresnet.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jresnet.base.UserError;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.data.Loader.LastBatch;
import org.jresnet.data.Loader.Order;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.data.shards.Packer;
import org.jresnet.data.shards.Shards;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Orders of epochs: windows of shards, and shares of several processes. */
final class EpochOrderTest {
  private static final int IMAGES = 60;
  private static final int PER_SHARD = 10;
  private static final int WINDOW = 12;

  @TempDir static Path folder;
  private static List<Sample> files;
  private static List<Sample> packed;

  @BeforeAll
  static void pack() {
    Path data = folder.resolve("data");
    Path shards = folder.resolve("shards");
    DrawnFaces.write(data, new DrawnFaces.Options(IMAGES / 2, 32, 3), done -> {});
    new Packer(data, shards, new Packer.Options(Optional.empty(), PER_SHARD, 5, 1))
        .run(
            new Packer.Listener() {
              @Override
              public void planned(int images, int count) {
                assertThat(count).isEqualTo(IMAGES / PER_SHARD);
              }

              @Override
              public void packed(int images) {}
            },
            () -> false);
    files = ImageFolder.scan(data).samples();
    packed = ImageFolder.scan(shards).samples();
  }

  private static int[] order(Shuffle shuffle, int epoch) {
    return new EpochOrder(packed, Order.SHUFFLED, shuffle).of(7, epoch);
  }

  private static Set<Integer> shards(int[] order, int from, int to) {
    return Arrays.stream(order, from, to)
        .mapToObj(i -> Shards.shard(Shards.position(packed.get(i).file())))
        .collect(Collectors.toSet());
  }

  @Test
  void windowsReadShardsOneAfterTheOther() {
    int[] order = order(Shuffle.within(WINDOW), 0);
    assertThat(order).hasSize(IMAGES).doesNotHaveDuplicates();
    for (int from = 0; from < IMAGES; from += WINDOW) {
      assertThat(shards(order, from, from + WINDOW)).hasSize(2);
    }
    assertThat(order(Shuffle.within(WINDOW), 0)).isEqualTo(order);
    assertThat(order(Shuffle.within(WINDOW), 1)).isNotEqualTo(order).hasSize(IMAGES);
    assertThat(new EpochOrder(packed, Order.SHUFFLED, Shuffle.within(WINDOW)).of(8, 0))
        .isNotEqualTo(order);
    // A window of everything still is another order than that of a folder, from the same images.
    assertThat(order(Shuffle.WHOLE, 0))
        .isEqualTo(new EpochOrder(files, Order.SHUFFLED, Shuffle.WHOLE).of(7, 0))
        .isNotEqualTo(order(Shuffle.within(IMAGES), 0));
  }

  @Test
  void ranksReadDisjointShares() {
    for (int ranks : new int[] {2, 3, 7}) {
      int share = IMAGES / ranks;
      int[] whole = order(Shuffle.WHOLE, 4);
      List<Integer> together = new ArrayList<>();
      List<Integer> windowed = new ArrayList<>();
      List<Integer> sequence = new ArrayList<>();
      int shardsRead = 0;
      for (int rank = 0; rank < ranks; rank++) {
        int[] own = order(new Shuffle(0, rank, ranks), 4);
        assertThat(own).hasSize(share);
        for (int i = 0; i < share; i++) {
          assertThat(own[i]).isEqualTo(whole[i * ranks + rank]);
          together.add(own[i]);
        }
        int[] near = order(new Shuffle(WINDOW, rank, ranks), 4);
        assertThat(near).hasSize(share);
        shardsRead += shards(near, 0, share).size();
        Arrays.stream(near).forEach(windowed::add);
        Shuffle shuffle = new Shuffle(0, rank, ranks);
        EpochOrder listed = new EpochOrder(packed, Order.SEQUENTIAL, shuffle);
        int[] part = listed.of(7, 0);
        assertThat(part).hasSize(listed.length()).hasSizeBetween(share, share + 1);
        Arrays.stream(part).forEach(sequence::add);
      }
      assertThat(together).hasSize(share * ranks).doesNotHaveDuplicates();
      assertThat(windowed).hasSize(share * ranks).doesNotHaveDuplicates();
      // A shard is shared by two ranks only where one's stretch ends and the next one's begins.
      assertThat(shardsRead).isLessThanOrEqualTo(IMAGES / PER_SHARD + ranks - 1);
      assertThat(sequence).isEqualTo(IntStream.range(0, IMAGES).boxed().toList());
    }
  }

  @Test
  void aResumedEpochOfWindowsGoesOnWithTheSameBatches() {
    List<String> all = batches(0);
    assertThat(all).hasSize(IMAGES / 8).doesNotHaveDuplicates();
    for (int first : new int[] {1, 4, 7}) {
      assertThat(batches(first)).isEqualTo(all.subList(first, all.size()));
    }
  }

  private static List<String> batches(int first) {
    Loader.Options options =
        new Loader.Options(
            8, 2, 2, 42, Order.SHUFFLED, LastBatch.DROP, BadImages.STOP, Shuffle.within(WINDOW));
    List<String> found = new ArrayList<>();
    try (Loader loader =
            new Loader(
                packed,
                new Preprocess(16, Preprocess.Mode.STRETCH),
                Augmentation.NONE.withCropScale(0.5),
                options);
        Loader.Epoch epoch = loader.epoch(2, first)) {
      for (Batch b = epoch.next(); b != null; b = epoch.next()) {
        found.add(Arrays.toString(b.samples()) + Arrays.hashCode(b.pixels()));
      }
    }
    return found;
  }

  @Test
  void windowsOfAFolderAndImpossibleRanksAreRefused() {
    assertThatThrownBy(() -> new EpochOrder(files, Order.SHUFFLED, Shuffle.within(4)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("a shuffle window needs images in shards")
        .hasMessageContaining("jresnet pack");
    assertThatThrownBy(() -> new Shuffle(0, 2, 2))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("rank 2 of 2");
    assertThatThrownBy(() -> new Shuffle(-1, 0, 1)).isInstanceOf(UserError.class);
  }
}
