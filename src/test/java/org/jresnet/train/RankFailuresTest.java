package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jresnet.base.UserError;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.data.shards.TestShards;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.Element;
import org.jresnet.distributed.ForwardingRanks;
import org.jresnet.distributed.RankFailure;
import org.jresnet.distributed.SharedError;
import org.jresnet.distributed.ThreadRanks;
import org.jresnet.train.TrainOptions.OptimizerOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ranks that diverge, die, or do not fit together: all end, and nothing wrong is saved. */
final class RankFailuresTest extends SmallRanks {
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void divergenceNamesTheTensorAndTheRank(boolean syncNorm) {
    Path out = folder.resolve("diverges" + syncNorm);
    assertThatThrownBy(
            () ->
                run(
                    2,
                    rank ->
                        training(1, 2, syncNorm)
                            .optimizer(OptimizerOptions.Kind.SGD)
                            .learningRate(1e30),
                    out,
                    RunFolder.Existing.REFUSE,
                    StopAt.NEVER,
                    new TinyRun.Notes()))
        .isInstanceOf(SharedError.class)
        .hasMessageMatching(
            "training diverged in epoch 1, batch \\d: .+ on rank [01] is not finite.*")
        .satisfies(e -> assertThat(e.getSuppressed()[0]).hasMessage(e.getMessage()));
  }

  /** Of rank 1 alone, as on a disk of its own. */
  private void refusedByRank1(Path good, Path bad, Trainer.Contents contents, String message) {
    Path out = folder.resolve("of-" + bad.getFileName() + contents);
    RankRuns.Setup setup =
        setup(
            List.of(),
            rank -> training(1, 2, false).data(rank == 0 ? good : bad),
            StopAt.NEVER,
            new TinyRun.Notes());
    assertThatThrownBy(
            () ->
                ThreadRanks.run(
                    2,
                    rank -> RankRuns.onRank(setup, rank, out, RunFolder.Existing.REFUSE, contents)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(message);
    assertThat(out.resolve(RunFolder.LAST)).doesNotExist();
  }

  @Test
  void aShardThatIsMissingOrDamagedOnOneRankStopsAll() throws IOException {
    Path good = TestShards.pack(faces, folder.resolve("good"));
    Path missing = TestShards.pack(faces, folder.resolve("missing"));
    Path gone = TestShards.tar(missing, 1);
    Files.delete(gone);
    refusedByRank1(good, missing, Trainer.Contents.CHECKED, "the shard " + gone + " is missing");
    Path damaged = TestShards.pack(faces, folder.resolve("damaged"));
    TestShards.damage(damaged, 0);
    String found = "damaged in the shard " + TestShards.tar(damaged, 0);
    refusedByRank1(good, damaged, Trainer.Contents.CHECKED, found);
    // Seen when a batch is read.
    refusedByRank1(good, damaged, Trainer.Contents.TRUSTED, found);
  }

  /** Rank 1 dies in a step of epoch 2 and leaves garbage in the sum that rank 0 gets. */
  private static final class Dying extends ForwardingRanks {
    private final AtomicInteger steps = new AtomicInteger();
    private final AtomicBoolean over;
    private final Path checkpoint;
    private volatile byte[] saved;
    private boolean first = true;

    Dying(Communicator to, AtomicBoolean over, Path checkpoint) {
      super(to);
      this.over = over;
      this.checkpoint = checkpoint;
    }

    @Override
    public Reduction reduction(ByteBuffer values, Element element) {
      Reduction sum = super.reduction(values, element);
      boolean counts = first;
      first = false;
      return counts ? then(sum, () -> summed(values)) : sum;
    }

    private void summed(ByteBuffer values) {
      if (steps.incrementAndGet() < 12) {
        return;
      }
      if (leads()) {
        for (int i = 0; i < values.capacity(); i += Float.BYTES) {
          values.putFloat(i, 1e-3f * i);
        }
        return;
      }
      saved = bytes(checkpoint);
      // Neither takes part nor says why, until the other has given up.
      for (int i = 0; i < 1200 && !over.get(); i++) {
        sleep();
      }
      throw new IllegalStateException("died");
    }

    private static void sleep() {
      try {
        Thread.sleep(50);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private static byte[] bytes(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void nothingIsSavedFromAStepInWhichARankDied() {
    Path out = folder.resolve("dead");
    Path last = out.resolve(RunFolder.LAST);
    AtomicBoolean over = new AtomicBoolean();
    List<Dying> ranks = new ArrayList<>();
    for (Communicator rank : ThreadRanks.of(2, Duration.ofSeconds(10))) {
      ranks.add(new Dying(rank, over, last));
    }
    RankRuns.Setup setup =
        setup(
            List.copyOf(ranks), number -> training(3, 2, false), StopAt.NEVER, new TinyRun.Notes());
    assertThatThrownBy(
            () ->
                ThreadRanks.run(
                    setup.ranks(),
                    rank -> {
                      try {
                        return RankRuns.onRank(setup, rank, out, RunFolder.Existing.REFUSE);
                      } finally {
                        over.set(true);
                      }
                    }))
        .isInstanceOf(RankFailure.class)
        .hasMessageContaining("rank 1 of 2 did not come within 10 s");
    assertThat(ranks.get(0).steps).hasValue(12);
    assertThat(bytes(last)).isEqualTo(ranks.get(1).saved);
    assertThat(CheckpointFile.positionOf(last).epoch()).isEqualTo(1);
  }

  @Test
  void ranksThatWereStartedDifferentlyAreRefusedByName() {
    Path out = folder.resolve("unequal");
    assertThatThrownBy(
            () ->
                run(
                    2,
                    rank ->
                        training(1, 2, false).learningRate(rank == 0 ? 0.1 : 0.2).epochs(1 + rank),
                    out,
                    RunFolder.Existing.REFUSE,
                    StopAt.NEVER,
                    new TinyRun.Notes()))
        .isInstanceOf(SharedError.class)
        .hasMessageContaining("rank 1 beside rank 0: options.optimizer.learningRate")
        .hasMessageContaining("options.epochs");
    assertThat(out).doesNotExist();
  }

  @Test
  void ranksThatSeeOtherImagesAreRefused() throws IOException {
    Path other = folder.resolve("other");
    DrawnFaces.write(other, new DrawnFaces.Options(20, 32, 5), done -> {});
    assertThat(Files.isDirectory(other)).isTrue();
    assertThatThrownBy(
            () ->
                run(
                    2,
                    rank -> training(1, 2, false).data(rank == 0 ? faces : other),
                    folder.resolve("data"),
                    RunFolder.Existing.REFUSE,
                    StopAt.NEVER,
                    new TinyRun.Notes()))
        .isInstanceOf(SharedError.class)
        .hasMessageContaining("rank 1 beside rank 0: contentHash");
  }

  @Test
  void moreRanksThanImagesAreRefused() {
    assertThatThrownBy(() -> fresh(17, 1, false, folder.resolve("many")))
        .isInstanceOf(SharedError.class)
        .hasMessageContaining("there are 17 ranks and only 16 images in the part val");
  }
}
