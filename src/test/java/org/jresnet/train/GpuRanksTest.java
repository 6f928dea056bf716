package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.jresnet.backend.Precision;
import org.jresnet.backend.cpu.CpuOptions;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.RankFailure;
import org.jresnet.distributed.SharedError;
import org.jresnet.distributed.ThreadRanks;
import org.jresnet.distributed.Wire;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.BackendSettings;
import org.jresnet.engine.Compute;
import org.jresnet.engine.RankDevices;
import org.jresnet.testing.SimulatedGpu;
import org.jresnet.testing.TestBackends;
import org.jresnet.train.ParallelOptions.ScaleLr;
import org.jresnet.train.TrainOptions.OptimizerOptions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole runs with one simulated GPU for each rank; ranks are threads. */
@Timeout(300)
final class GpuRanksTest {
  private static final int CUT_OFF = 1_000_005;
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final Duration LITTLE = Duration.ofSeconds(3);

  @TempDir static Path folder;
  private static Path faces;

  @BeforeAll
  static void draw() {
    TestBackends.open("gpu").close();
    SimulatedGpu.devices(2);
    faces = folder.resolve("faces");
    // 24 images to train on and 16 to validate.
    DrawnFaces.write(faces, new DrawnFaces.Options(20, 32, 4), done -> {});
  }

  @AfterAll
  static void oneGpu() {
    SimulatedGpu.devices(1);
  }

  private static Training training(BackendKind kind, Precision precision) {
    return TinyRun.options(faces, 2)
        .change()
        .backend(kind)
        .precision(precision)
        .batch(2)
        .clip(1)
        .parallel(new ParallelOptions(2, ScaleLr.NONE, Wire.FP32, false));
  }

  private static IntFunction<Compute> compute(BackendKind kind, Precision precision) {
    return rank ->
        Compute.open(
            kind,
            Optional.of(precision),
            new BackendSettings(CpuOptions.defaults(), TestBackends.gpu().withDevice(rank)));
  }

  private static List<Trainer.Outcome> run(
      Supplier<Training> training, Path out, Duration patience, RankRuns.AfterBatch after) {
    TrainOptions.NetworkOptions network = training.get().options().network();
    RankRuns.Setup setup =
        new RankRuns.Setup(
            ThreadRanks.of(2, patience),
            rank -> training.get(),
            compute(network.backend(), network.precision()),
            after,
            new TinyRun.Notes());
    return RankRuns.run(
        setup, out, Files.exists(out) ? RunFolder.Existing.RESUME : RunFolder.Existing.REFUSE);
  }

  private static void nothing(Communicator rank, Trainer trainer, int batches) {}

  /** With plain steps on more images, in which rounding grows less. */
  private static Training smooth(BackendKind kind) {
    return training(kind, Precision.FP32)
        .batch(6)
        .optimizer(OptimizerOptions.Kind.SGD)
        .learningRate(1e-3);
  }

  @Test
  void twoGpusTrainAsTwoProcessors() {
    List<Trainer.Outcome> found =
        run(() -> smooth(BackendKind.GPU), folder.resolve("gpus"), PATIENCE, GpuRanksTest::nothing);
    List<Trainer.Outcome> expected =
        run(() -> smooth(BackendKind.CPU), folder.resolve("cpus"), PATIENCE, GpuRanksTest::nothing);
    for (int e = 0; e < 2; e++) {
      EpochResult gpu = found.get(0).history().get(e);
      EpochResult cpu = expected.get(0).history().get(e);
      assertThat(gpu.trainLoss()).isCloseTo(cpu.trainLoss(), within(1e-3));
      assertThat(gpu.valLoss()).isCloseTo(cpu.valLoss(), within(1e-3));
      assertThat(found.get(1).history().get(e).trainLoss()).isEqualTo(gpu.trainLoss());
      assertThat(found.get(1).history().get(e).valLoss()).isEqualTo(gpu.valLoss());
    }
    assertThat(CheckpointFile.positionOf(folder.resolve("gpus").resolve(RunFolder.LAST)).steps())
        .isEqualTo(2 * 2);
  }

  /** Rank 1 asks, while both have sent another step; both stop behind the same one. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void anInterruptedRunEndsInTheSameBytes(int accumulate) throws IOException {
    Supplier<Training> training =
        () -> training(BackendKind.GPU, Precision.BF16).accumulate(accumulate);
    Path whole = folder.resolve("whole-" + accumulate);
    Path parts = folder.resolve("parts-" + accumulate);
    run(training, whole, PATIENCE, GpuRanksTest::nothing);
    List<Trainer.Outcome> stopped =
        run(
            training,
            parts,
            PATIENCE,
            (rank, trainer, batches) -> {
              if (rank.rank() == 1 && batches == 2) {
                trainer.requestStop();
              }
            });
    assertThat(stopped).allMatch(o -> o.end() == Trainer.End.INTERRUPTED);
    assertThat(CheckpointFile.positionOf(parts.resolve(RunFolder.LAST)).batch()).isBetween(2, 5);
    run(training, parts, PATIENCE, GpuRanksTest::nothing);
    assertThat(Files.mismatch(parts.resolve(RunFolder.BEST), whole.resolve(RunFolder.BEST)))
        .isEqualTo(-1);
  }

  /** A gradient that is not finite reaches all by the sum. */
  @Test
  void allRanksDivergeTogether() {
    Supplier<Training> training =
        () -> training(BackendKind.GPU, Precision.FP32).clip(0).learningRate(1e30);
    assertThatThrownBy(
            () -> run(training, folder.resolve("diverged"), PATIENCE, GpuRanksTest::nothing))
        .hasMessageMatching(
            "training diverged in epoch 1, batch \\d: .+ (on rank [01]|added up over all ranks,)"
                + " is not finite.*")
        .satisfies(
            e ->
                assertThat(e.getSuppressed())
                    .singleElement()
                    .extracting(Throwable::getMessage)
                    .isEqualTo(e.getMessage()));
  }

  /** Rank 0 has sent sums that rank 1 never comes to, and ends nevertheless. */
  @Test
  void aRankThatHangsIsNamedAndTheOthersEnd() {
    CountDownLatch ended = new CountDownLatch(1);
    RankFailure failure =
        catchThrowableOfType(
            RankFailure.class,
            () ->
                ThreadRanks.run(
                    ThreadRanks.of(2, LITTLE),
                    rank -> {
                      try {
                        return alone(rank, folder.resolve("hangs"), ended);
                      } finally {
                        if (rank.leads()) {
                          ended.countDown();
                        }
                      }
                    }));
    assertThat(failure).hasMessageContaining("rank 1 of 2 did not come within 3 s, rank 0 waited");
  }

  /** One rank of a run in which rank 1 hangs behind batch 3 until rank 0 has ended. */
  private static Trainer.Outcome alone(Communicator rank, Path out, CountDownLatch ended) {
    RankRuns.AfterBatch hanging =
        (who, trainer, batches) -> {
          if (who.rank() == 1 && batches == 3) {
            await(ended);
            throw new IllegalStateException("hung");
          }
        };
    IntFunction<Compute> compute = compute(BackendKind.GPU, Precision.FP32);
    RankRuns.Setup setup =
        new RankRuns.Setup(
            List.of(rank),
            r -> training(BackendKind.GPU, Precision.FP32),
            compute,
            hanging,
            new TinyRun.Notes());
    return RankRuns.onRank(setup, rank, out, RunFolder.Existing.REFUSE);
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** NCCL tells rank 0 of a broken network; rank 1 finds out that its sums do not come. */
  @Test
  void aBrokenWayBetweenGpusEndsAllRanks() {
    try {
      RankFailure failure =
          catchThrowableOfType(
              RankFailure.class,
              () ->
                  run(
                      () -> training(BackendKind.GPU, Precision.FP32).epochs(1000),
                      folder.resolve("broken"),
                      LITTLE,
                      (rank, trainer, batches) -> {
                        if (rank.leads() && batches == 3) {
                          SimulatedGpu.ask(CUT_OFF, 0);
                        }
                      }));
      assertThat(failure).hasMessageContaining("there was a network error");
      assertThat(failure.getSuppressed()).as("the other rank ends, too").hasSize(1);
    } finally {
      SimulatedGpu.ask(CUT_OFF, -1);
    }
  }

  @Test
  void ranksThatShareAGpuAreNamed() {
    List<RankDevices.Seat> seats =
        List.of(
            new RankDevices.Seat("n1", "0000:01:00.0", "NCCL 2.29.3"),
            new RankDevices.Seat("n2", "0000:01:00.0", "NCCL 2.29.3"),
            new RankDevices.Seat("n1", "0000:01:00.0", "NCCL 2.29.3"));
    assertThatThrownBy(() -> RankDevices.require(seats))
        .isInstanceOf(SharedError.class)
        .hasMessageContaining("3 ranks have only 2 GPUs")
        .hasMessageContaining("GPU 0000:01:00.0 of n1: ranks [0, 2]")
        .hasMessageNotContaining("of n2");
  }

  @Test
  void otherVersionsOfNcclAreNamed() {
    List<RankDevices.Seat> seats =
        List.of(
            new RankDevices.Seat("n1", "0000:01:00.0", "NCCL 2.29.3"),
            new RankDevices.Seat("n2", "0000:01:00.0", "NCCL 2.27.7"));
    assertThatThrownBy(() -> RankDevices.require(seats))
        .isInstanceOf(SharedError.class)
        .hasMessageContaining("rank 1 beside rank 0: NCCL 2.27.7, not NCCL 2.29.3");
  }
}
