package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.jresnet.backend.Backend;
import org.jresnet.backend.DeviceRanks;
import org.jresnet.backend.Interconnect;
import org.jresnet.backend.LossScale;
import org.jresnet.backend.Precision;
import org.jresnet.backend.UpdateRule;
import org.jresnet.backend.gpu.CudnnOptions;
import org.jresnet.backend.gpu.CudnnOptions.Launch;
import org.jresnet.backend.gpu.GpuBackend;
import org.jresnet.base.UserError;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.Exchange;
import org.jresnet.distributed.ThreadRanks;
import org.jresnet.distributed.Wire;
import org.jresnet.engine.GradientExchange.Statistics;
import org.jresnet.graph.Graph;
import org.jresnet.models.Architecture;
import org.jresnet.nativebindings.cuda.CudaLibraries;
import org.jresnet.testing.Fixture;
import org.jresnet.testing.SeededWeights;
import org.jresnet.testing.SimulatedGpu;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Gradients that two simulated GPUs add up among themselves. */
@Timeout(300)
final class GpuExchangeTest {
  private static final int NCCL_VERSION = 1_000_004;
  private static final int RANKS = 2;
  private static final int SIZE = 32;
  private static final int EACH = 2;
  private static final int STEPS = 5;

  /** Two buckets: the first is full with 1 MB. */
  private static final Graph GRAPH = Architecture.of("resnet18").graph(3, 16);

  @BeforeAll
  static void twoGpus() {
    TestBackends.open("gpu").close();
    SimulatedGpu.devices(RANKS);
    assertThat(Bucket.of(GRAPH, Set.of())).hasSize(2);
  }

  @AfterAll
  static void oneGpu() {
    SimulatedGpu.devices(1);
  }

  private static Model seeded(Backend backend, Precision precision) {
    Model model = new Model(GRAPH, backend, precision);
    new SeededWeights(3).into(model);
    return model;
  }

  private static DeviceRanks join(Backend backend, Communicator ranks) {
    Interconnect own = backend.interconnect().orElseThrow();
    byte[] invitation = ranks.broadcast(ranks.leads() ? own.invitation() : new byte[0], 0);
    return own.join(invitation, ranks.rank(), ranks.size(), ranks.patience());
  }

  private static GradientExchange exchange(
      Model model, Communicator ranks, Wire wire, Exchange way) {
    return way == Exchange.MPI
        ? new GradientExchange(model, ranks, Set.of(), wire, Statistics.OWN)
        : new GradientExchange(model, join(model.backend(), ranks), Set.of(), wire, Statistics.OWN);
  }

  private static byte[] pixels(int rank, int step) {
    return new SeededWeights(100 * step + rank).pixels(EACH, SIZE, SIZE);
  }

  private static int[] labels(int rank, int step) {
    return new int[] {(rank + step) % 3, step % 2};
  }

  /** What some steps leave. */
  private record Left(List<Double> losses, float[] gradients, float[] weights, float[] means) {
    static Left of(List<Double> losses, Model model) {
      return new Left(
          losses,
          model.gradients().toFloats(),
          model.parameters().toFloats(),
          model.statistics().toFloats());
    }
  }

  private static void requireEqual(Left found, Left expected) {
    assertThat(found.losses).isEqualTo(expected.losses).doesNotContain(Double.NaN);
    requireEqual("gradient", found.gradients, expected.gradients);
    requireEqual("weight", found.weights, expected.weights);
    requireEqual("running statistic", found.means, expected.means);
  }

  private static void requireEqual(String what, float[] found, float[] expected) {
    int at = Arrays.mismatch(found, expected);
    assertThat(at)
        .as(
            "%s %d is %s, expected %s",
            what, at, at < 0 ? "" : found[at], at < 0 ? "" : expected[at])
        .isNegative();
  }

  /** Each step is sent before the last one is known, as a training does it. */
  private static Left train(Communicator ranks, Backend backend, Wire wire, Exchange way) {
    try (Model model = seeded(backend, Precision.BF16);
        GradientExchange exchange = exchange(model, ranks, wire, way);
        Executable step =
            Executable.compile(
                model,
                CompileOptions.training(EACH, SIZE, Fixture.NORMALIZATION).withExchange(exchange));
        OptimizerState adam =
            new OptimizerState(model, new UpdateRule.Adam(0.9, 0.999, 1e-8, 0), Set.of())) {
      adam.decideBy(1, new LossScale(Precision.BF16, LossScale.State.START));
      List<Double> losses = new ArrayList<>();
      for (int i = 0; i < STEPS; i++) {
        long run = step.start(pixels(ranks.rank(), i), labels(ranks.rank(), i));
        exchange.finish();
        adam.update(made -> 1e-3, RANKS);
        if (i > 0) {
          losses.add(step.loss(run - 1));
        }
      }
      losses.add(step.loss(STEPS - 1));
      Left left = Left.of(losses, model);
      assertThat(exchange.failure()).isEmpty();
      ranks.barrier();
      return left;
    }
  }

  /** Among GPUs, call by call or recorded, as through the hosts, which wait for every sum. */
  @ParameterizedTest
  @CsvSource({"FP32,GRAPH,2", "FP32,CALLS,1", "BF16,GRAPH,1", "BF16,CALLS,2"})
  void sumsAreThoseOfTheHosts(Wire wire, Launch launch, int streams) {
    List<List<Left>> both = new ArrayList<>();
    for (Exchange way : Exchange.values()) {
      both.add(
          ThreadRanks.run(
              RANKS,
              ranks -> {
                try (Backend backend = TestBackends.gpu(ranks.rank(), launch, streams)) {
                  return train(ranks, backend, wire, way);
                }
              }));
    }
    for (int rank = 0; rank < RANKS; rank++) {
      requireEqual(both.get(0).get(rank), both.get(1).get(rank));
    }
    requireEqual("weight", both.get(0).get(1).weights, both.get(0).get(0).weights);
    assertThat(both.get(0).get(1).losses).isNotEqualTo(both.get(0).get(0).losses);
  }

  /** By definition: one GPU takes each rank's step in turn. */
  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"FP32", "BF16"})
  void sumsAreThoseOfStepsInTurn(Precision precision) {
    float[] sums = null;
    float[] means = null;
    for (int rank = 0; rank < RANKS; rank++) {
      try (Backend backend = TestBackends.open("gpu");
          Model model = seeded(backend, precision);
          Executable step =
              Executable.compile(
                  model, CompileOptions.training(EACH, SIZE, Fixture.NORMALIZATION))) {
        step.step(pixels(rank, 0), labels(rank, 0));
        Left own = Left.of(List.of(), model);
        sums = rank == 0 ? own.gradients : plus(sums, own.gradients, 1);
        means = rank == 0 ? own.means : plus(means, own.means, 0.5f);
      }
    }
    List<Left> found =
        ThreadRanks.run(
            RANKS,
            ranks -> {
              try (Backend backend = TestBackends.gpu(ranks.rank(), Launch.GRAPH, 1);
                  Model model = seeded(backend, precision);
                  GradientExchange exchange = exchange(model, ranks, Wire.FP32, Exchange.AUTO);
                  Executable step =
                      Executable.compile(
                          model,
                          CompileOptions.training(EACH, SIZE, Fixture.NORMALIZATION)
                              .withExchange(exchange))) {
                step.start(pixels(ranks.rank(), 0), labels(ranks.rank(), 0));
                exchange.finish();
                Left left = Left.of(List.of(), model);
                ranks.barrier();
                return left;
              }
            });
    for (Left left : found) {
      requireEqual("gradient", left.gradients, sums);
      requireEqual("running statistic", left.means, means);
    }
  }

  private static float[] plus(float[] a, float[] b, float factor) {
    float[] sum = new float[a.length];
    for (int i = 0; i < sum.length; i++) {
      sum[i] = (a[i] + b[i]) * factor;
    }
    return sum;
  }

  /** The host would wait without end for a sum that rank 1 has never asked for. */
  @Test
  void aSumThatDoesNotComeIsEnded() {
    CountDownLatch ended = new CountDownLatch(1);
    ThreadRanks.run(
        ThreadRanks.of(RANKS, Duration.ofSeconds(2)),
        ranks -> {
          try (Backend backend = TestBackends.gpu(ranks.rank(), Launch.GRAPH, 1);
              Model model = seeded(backend, Precision.FP32);
              GradientExchange exchange = exchange(model, ranks, Wire.FP32, Exchange.AUTO)) {
            if (ranks.leads()) {
              exchange.start();
              exchange.finish();
              model.gradients().toFloats();
              assertThat(exchange.failure().orElseThrow())
                  .contains("a sum over the GPUs has not come within 2 s", "NCCL_DEBUG=INFO");
              // What follows is not sent, but nothing hangs.
              exchange.start();
              exchange.finish();
              model.gradients().toFloats();
            } else {
              await(ended);
            }
          } finally {
            ended.countDown();
          }
          return null;
        });
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Whoever gives up while a sum is under way waits for nobody. */
  @Test
  void whoLeavesWaitsForNobody() {
    ThreadRanks.run(
        RANKS,
        ranks -> {
          try (Backend backend = TestBackends.gpu(ranks.rank(), Launch.GRAPH, 1);
              Model model = seeded(backend, Precision.FP32);
              GradientExchange exchange = exchange(model, ranks, Wire.FP32, Exchange.AUTO)) {
            if (ranks.leads()) {
              exchange.start();
              exchange.finish();
              exchange.leave();
              model.gradients().toFloats();
            }
          }
          return null;
        });
  }

  @Test
  void gpusThatDoNotMeetAreNotWaitedForWithoutEnd() {
    try (Backend backend = TestBackends.open("gpu")) {
      Interconnect own = backend.interconnect().orElseThrow();
      assertThatThrownBy(() -> own.join(own.invitation(), 0, 2, Duration.ofSeconds(1)))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("the GPUs of 2 ranks have not found each other within 1 s")
          .hasMessageContaining("NCCL_SOCKET_IFNAME");
    }
  }

  @Test
  void theSameGpuTwiceIsNotJoined() {
    assertThatThrownBy(
            () ->
                ThreadRanks.run(
                    ThreadRanks.of(RANKS, Duration.ofSeconds(5)),
                    ranks -> {
                      try (Backend backend = TestBackends.gpu(0, Launch.GRAPH, 1)) {
                        join(backend, ranks).close();
                      }
                      return null;
                    }))
        .isInstanceOf(UserError.class)
        .satisfies(
            e ->
                assertThat(Stream.concat(Stream.of(e), Stream.of(e.getSuppressed())))
                    .anyMatch(one -> one.getMessage().contains("Duplicate GPU detected")));
  }

  @Test
  void anOldNcclIsRefused() {
    SimulatedGpu.ask(NCCL_VERSION, 21801);
    try (Backend backend = TestBackends.open("gpu")) {
      assertThatThrownBy(backend::interconnect)
          .isInstanceOf(UserError.class)
          .hasMessageContaining("NCCL 2.18.1 is too old: expected NCCL 2.19.1 or newer, found at")
          .hasMessageContaining(CudaLibraries.NCCL);
    } finally {
      SimulatedGpu.ask(NCCL_VERSION, 0);
    }
  }

  @Test
  void withoutNcclTheErrorSaysWhatToDo(@TempDir Path folder) throws IOException {
    try (Stream<Path> files = Files.list(SimulatedGpu.folder())) {
      for (Path file : files.toList()) {
        if (!file.getFileName().toString().equals(CudaLibraries.NCCL)) {
          Files.createSymbolicLink(folder.resolve(file.getFileName()), file);
        }
      }
    }
    try (Backend backend = GpuBackend.open(TestBackends.gpu(folder))) {
      assertThatThrownBy(backend::interconnect)
          .isInstanceOf(UserError.class)
          .hasMessageContaining(CudaLibraries.NCCL)
          .hasMessageContaining(folder.toString())
          .hasMessageContaining("pip install nvidia-nccl-cu13")
          .hasMessageContaining("--exchange mpi");
    }
  }

  @Test
  void eachRankOfAMachineTakesItsOwnGpu() {
    CudnnOptions options = TestBackends.gpu();
    assertThat(GpuBackend.ofRank(options, 1, 2).device()).isEqualTo(1);
    assertThatThrownBy(() -> GpuBackend.ofRank(options, 2, 3))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("this machine has 2 GPUs for 3 ranks");
    SimulatedGpu.devices(1);
    try {
      // As SLURM shows each rank its own alone.
      assertThat(GpuBackend.ofRank(options, 1, 2).device()).isZero();
    } finally {
      SimulatedGpu.devices(RANKS);
    }
  }
}
