package org.jresnet.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.UserError;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.data.Loader.LastBatch;
import org.jresnet.data.Loader.Order;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Batches depend on seed, epoch and position, on nothing else. */
class LoaderTest {
  private static final Preprocess SIZE = new Preprocess(24, Preprocess.Mode.STRETCH);
  private static final Augmentation ALL = new Augmentation(0.5, 0.4, 0.5, 0.5);
  private static final int IMAGES = 26;
  private static final int BROKEN = 7;

  @TempDir static Path folder;
  private static List<Sample> good;
  private static List<Sample> withBad;

  @BeforeAll
  static void images() throws IOException {
    good = new ArrayList<>();
    for (int i = 0; i < IMAGES; i++) {
      Path file = folder.resolve("p" + i + ".jpg");
      Files.write(file, Augmentation.jpeg(Goldens.noise(40 + i, 30 + i, i), 90));
      good.add(new Sample(file, "p" + i + ".jpg", i % 2));
    }
    withBad = new ArrayList<>(good);
    Path broken = folder.resolve("broken.jpg");
    Files.copy(Goldens.image("broken-jpeg-half.jpg"), broken);
    withBad.set(BROKEN, new Sample(broken, "broken.jpg", 1));
  }

  private static Loader.Options options(int threads, Order order, BadImages bad) {
    return new Loader.Options(8, threads, 42, order, bad);
  }

  /** What a batch holds, as text. */
  private static List<String> batches(Loader loader, int epoch, int firstBatch) {
    List<String> found = new ArrayList<>();
    try (Loader.Epoch images = loader.epoch(epoch, firstBatch)) {
      for (Batch b = images.next(); b != null; b = images.next()) {
        int bytes = b.count() * 24 * 24 * 3;
        found.add(
            Arrays.toString(Arrays.copyOf(b.samples(), b.count()))
                + Arrays.toString(Arrays.copyOf(b.labels(), b.count()))
                + Arrays.hashCode(Arrays.copyOf(b.pixels(), bytes)));
      }
    }
    return found;
  }

  @Test
  void threadsPrefetchAndResumeChangeNothing() {
    List<String> expected;
    List<String> second;
    try (Loader loader =
        new Loader(withBad, SIZE, ALL, options(1, Order.SHUFFLED, BadImages.SKIP))) {
      expected = batches(loader, 0, 0);
      second = batches(loader, 1, 0);
    }
    assertThat(expected).hasSize(3).doesNotHaveDuplicates().doesNotContainAnyElementsOf(second);
    for (int threads : new int[] {2, 4}) {
      Loader.Options options =
          new Loader.Options(
              8,
              threads,
              threads,
              42,
              Order.SHUFFLED,
              LastBatch.DROP,
              BadImages.SKIP,
              Shuffle.WHOLE);
      try (Loader loader = new Loader(withBad, SIZE, ALL, options)) {
        assertThat(batches(loader, 1, 1)).isEqualTo(second.subList(1, 3));
        assertThat(batches(loader, 0, 0)).isEqualTo(expected);
        assertThat(batches(loader, 0, 2)).isEqualTo(expected.subList(2, 3));
        assertThat(batches(loader, 0, 3)).isEmpty();
      }
    }
    Loader.Options other = new Loader.Options(8, 2, 43, Order.SHUFFLED, BadImages.SKIP);
    try (Loader loader = new Loader(withBad, SIZE, ALL, other)) {
      assertThat(batches(loader, 0, 0)).doesNotContainAnyElementsOf(expected);
    }
  }

  @Test
  void anEpochSeesEverySampleOnce() {
    Loader.Options keep =
        new Loader.Options(
            8, 2, 2, 42, Order.SHUFFLED, LastBatch.KEEP, BadImages.STOP, Shuffle.WHOLE);
    Set<Integer> seen = new HashSet<>();
    List<Integer> counts = new ArrayList<>();
    List<Integer> order = new ArrayList<>();
    try (Loader loader = new Loader(good, SIZE, Augmentation.NONE, keep);
        Loader.Epoch epoch = loader.epoch(0, 0)) {
      assertThat(loader.batches()).isEqualTo(4);
      for (Batch b = epoch.next(); b != null; b = epoch.next()) {
        counts.add(b.count());
        for (int i = 0; i < b.count(); i++) {
          assertThat(seen.add(b.samples()[i])).isTrue();
          order.add(b.samples()[i]);
          assertThat(b.labels()[i]).isEqualTo(b.samples()[i] % 2);
        }
      }
    }
    assertThat(seen).hasSize(IMAGES);
    assertThat(counts).containsExactly(8, 8, 8, 2);
    assertThat(order).isNotEqualTo(order.stream().sorted().toList());
  }

  @Test
  void sequentialPixelsAreTheEvaluations() throws IOException {
    try (Loader loader =
            new Loader(
                good, SIZE, Augmentation.NONE, options(2, Order.SEQUENTIAL, BadImages.STOP));
        Loader.Epoch epoch = loader.epoch(0, 1)) {
      Batch batch = epoch.next();
      assertThat(batch.samples()[3]).isEqualTo(11);
      int bytes = 24 * 24 * 3;
      assertThat(Arrays.copyOfRange(batch.pixels(), 3 * bytes, 4 * bytes))
          .isEqualTo(SIZE.apply(ImageDecoder.decode(good.get(11).file())).rgb());
    }
  }

  @Test
  void badImageIsReplacedWhenShuffled() {
    try (Loader loader =
        new Loader(withBad, SIZE, ALL, options(3, Order.SHUFFLED, BadImages.SKIP))) {
      int[] order = RandomStreams.permutation(IMAGES, RandomStreams.of(42, "shuffle", 5));
      int at = 0;
      while (order[at] != BROKEN) {
        at++;
      }
      int epochNumber = at < 24 ? 5 : -1;
      assertThat(epochNumber).as("an epoch that reaches the broken image").isEqualTo(5);
      try (Loader.Epoch epoch = loader.epoch(epochNumber, at / 8)) {
        Batch batch = epoch.next();
        assertThat(batch.samples()[at % 8]).isEqualTo(order[(at + 1) % IMAGES]);
        assertThat(batch.labels()[at % 8]).isEqualTo(order[(at + 1) % IMAGES] % 2);
      }
      batches(loader, 6, 0);
      batches(loader, 7, 0);
      assertThat(loader.badImages()).hasSize(1);
      assertThat(loader.badImages().get(withBad.get(BROKEN).file().toString()))
          .contains("broken.jpg: is truncated");
    }
  }

  @Test
  void badImageIsLeftOutWhenSequential() {
    try (Loader loader =
            new Loader(
                withBad, SIZE, Augmentation.NONE, options(2, Order.SEQUENTIAL, BadImages.SKIP));
        Loader.Epoch epoch = loader.epoch(0, 0)) {
      Batch batch = epoch.next();
      assertThat(batch.count()).isEqualTo(8);
      assertThat(batch.labels()).containsExactly(0, 1, 0, 1, 0, 1, 0, Batch.BAD);
      assertThat(batch.samples()).containsExactly(0, 1, 2, 3, 4, 5, 6, 7);
      assertThat(loader.badImages()).hasSize(1);
    }
  }

  @Test
  void badImageStopsByOption() {
    for (Order order : Order.values()) {
      assertThatThrownBy(
              () -> {
                try (Loader loader =
                    new Loader(withBad, SIZE, ALL, options(2, order, BadImages.STOP))) {
                  batches(loader, 5, 0);
                }
              })
          .isInstanceOf(UserError.class)
          .hasMessageContaining("broken.jpg: is truncated");
    }
  }

  @Test
  void nothingButBadImages() {
    List<Sample> bad =
        java.util.stream.IntStream.range(0, 9).mapToObj(i -> withBad.get(BROKEN)).toList();
    try (Loader loader = new Loader(bad, SIZE, ALL, options(2, Order.SHUFFLED, BadImages.SKIP))) {
      assertThatThrownBy(() -> batches(loader, 0, 0))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("none of the 9 training images can be decoded")
          .hasMessageContaining("broken.jpg");
    }
  }

  @Test
  void wrongNumbersAreRefused() {
    assertThatThrownBy(() -> new Loader.Options(0, 1, 1, Order.SHUFFLED, BadImages.SKIP))
        .isInstanceOf(UserError.class);
    assertThatThrownBy(
            () ->
                new Loader(
                    good.subList(0, 5), SIZE, ALL, options(1, Order.SHUFFLED, BadImages.SKIP)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("5 images to train on, fewer than one batch of 8");
    try (Loader loader =
        new Loader(List.of(), SIZE, ALL, options(1, Order.SEQUENTIAL, BadImages.SKIP))) {
      assertThat(batches(loader, 0, 0)).isEmpty();
      assertThatThrownBy(() -> loader.epoch(0, 1)).hasMessageContaining("0 to 0");
    }
  }

  @Test
  void closingEndsTheThreadsAndListsNothing() throws InterruptedException {
    Loader loader = new Loader(good, SIZE, ALL, options(3, Order.SHUFFLED, BadImages.SKIP));
    Loader.Epoch epoch = loader.epoch(0, 0);
    assertThat(epoch.next()).isNotNull();
    assertThat(threads()).isPositive();
    loader.close();
    epoch.close();
    assertThat(threadsLeft()).isZero();
    assertThat(loader.badImages()).isEmpty();
    assertThat(loader.takeWaitNanos()).isPositive();
    assertThat(loader.takeWaitNanos()).isZero();
  }

  @Test
  void interruptEndsTheWait() throws Exception {
    try (Loader loader = new Loader(good, SIZE, ALL, options(1, Order.SHUFFLED, BadImages.SKIP));
        Loader.Epoch epoch = loader.epoch(0, 0)) {
      Thread.currentThread().interrupt();
      try {
        assertThatThrownBy(
                () -> {
                  for (Batch b = epoch.next(); b != null; b = epoch.next()) {
                    assertThat(b.count()).isEqualTo(8);
                  }
                })
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("interrupted");
        assertThat(Thread.currentThread().isInterrupted()).isTrue();
      } finally {
        Thread.interrupted();
      }
    }
    assertThat(threadsLeft()).isZero();
  }

  /** A thread tells that it is done just before it ends: wait for up to a second. */
  private static long threadsLeft() throws InterruptedException {
    for (int i = 0; i < 1000 && threads() > 0; i++) {
      Thread.sleep(1);
    }
    return threads();
  }

  private static long threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(t -> t.getName().equals("jresnet-loader") && t.isAlive())
        .count();
  }

  @Test
  void bombsAmongGoodImagesAreSkipped() throws IOException {
    List<Sample> mixed = new ArrayList<>(good);
    for (String name :
        List.of("broken-png-bomb.png", "broken-jpeg-bomb.jpg", "broken-bmp-bomb.bmp")) {
      mixed.add(new Sample(Goldens.image(name), name, 0));
    }
    byte[] screen = Files.readAllBytes(Goldens.image("gif.gif"));
    screen[7] = 0x32;
    screen[9] = 0x32;
    Path gif = Files.write(folder.resolve("screen.gif"), screen);
    mixed.add(new Sample(gif, "screen.gif", 1));
    try (Loader loader = new Loader(mixed, SIZE, ALL, options(4, Order.SHUFFLED, BadImages.SKIP));
        Loader.Epoch epoch = loader.epoch(0, 0)) {
      int images = 0;
      for (Batch b = epoch.next(); b != null; b = epoch.next()) {
        images += b.count();
        assertThat(b.labels()).doesNotContain(Batch.BAD);
      }
      assertThat(images).isEqualTo(24);
      assertThat(loader.badImages()).isNotEmpty();
      assertThat(loader.badImages().values()).allMatch(m -> m.contains(" pixels, more than "));
    }
  }
}
