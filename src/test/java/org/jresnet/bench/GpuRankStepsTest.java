package org.jresnet.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.cpu.CpuOptions;
import org.jresnet.bench.Benchmark.Configuration;
import org.jresnet.bench.Benchmark.Work;
import org.jresnet.distributed.Exchange;
import org.jresnet.distributed.ThreadRanks;
import org.jresnet.distributed.Wire;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.BackendSettings;
import org.jresnet.engine.Backends;
import org.jresnet.engine.GradientExchange.Sharing;
import org.jresnet.models.Architecture;
import org.jresnet.testing.SimulatedGpu;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Steps that ranks share, one simulated GPU for each; ranks are threads. */
@Timeout(300)
final class GpuRankStepsTest {
  private static final Configuration SMALL =
      new Configuration(Architecture.of("resnet18"), 3, Work.TRAIN, 2, 32, Precision.FP32, 0);

  @BeforeAll
  static void twoGpus() {
    TestBackends.open("gpu").close();
    SimulatedGpu.devices(2);
  }

  @AfterAll
  static void oneGpu() {
    SimulatedGpu.devices(1);
  }

  private static List<RankSteps> measure(Exchange way) {
    return ThreadRanks.run(
        2,
        rank -> {
          BackendSettings settings =
              new BackendSettings(
                  CpuOptions.defaults(), TestBackends.gpu().withDevice(rank.rank()));
          try (Backend backend = Backends.open(BackendKind.GPU, settings)) {
            return RankSteps.measure(backend, SMALL, new Sharing(rank, way, Wire.FP32), 2, 0);
          }
        });
  }

  /** As train does: among the GPUs, unless it is told otherwise. */
  @Test
  void theExchangeThatIsTimedIsTheOneThatTrains() {
    for (RankSteps among : measure(Exchange.AUTO)) {
      assertThat(among.carrier()).startsWith("NCCL ");
      assertThat(among.together().seconds()).hasSize(2);
      assertThat(among.bare()).hasSize(2).doesNotContain(0);
    }
    assertThat(measure(Exchange.MPI)).allMatch(through -> through.carrier().equals("MPI"));
  }
}
