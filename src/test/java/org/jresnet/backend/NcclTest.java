package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.jresnet.backend.DeviceRanks.Result;
import org.jresnet.backend.Optimizer.Range;
import org.jresnet.base.BFloat16;
import org.jresnet.base.UserError;
import org.jresnet.graph.DType;
import org.jresnet.testing.SimulatedGpu;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A GPU that adds up alone: all that can be seen of NCCL where there is one GPU. */
final class NcclTest {
  private static final int COUNT = 100_000;
  private static final int ROUNDS = 5;

  private static Interconnect interconnect(Backend backend) {
    try {
      return backend.interconnect().orElseThrow();
    } catch (UserError e) {
      assumeTrue(false, e.getMessage());
      throw e;
    }
  }

  /** What is outside of the ranges stays; what is inside comes back as it travels. */
  @ParameterizedTest
  @CsvSource({"F32,TOTAL", "F32,MEAN", "BF16,TOTAL"})
  void valuesComeBack(DType wire, Result result) {
    try (Backend backend = TestBackends.open("gpu");
        Buffer memory = backend.allocate("test", 4L * COUNT);
        DeviceRanks alone = join(interconnect(backend))) {
      Tensor arena = new Tensor(memory, 0, DType.F32, COUNT);
      List<Range> ranges = List.of(new Range(16, 1000), new Range(2048, COUNT - 4096));
      DeviceRanks.Sum sum = alone.sum(arena, ranges, wire, result);
      Random random = new Random(3);
      for (int round = 0; round < ROUNDS; round++) {
        float[] values = new float[COUNT];
        for (int i = 0; i < COUNT; i++) {
          values[i] = (float) random.nextGaussian();
        }
        arena.set(values);
        int waits = waits();
        sum.start();
        sum.finish();
        assertThat(waits()).as("waits of the host").isEqualTo(waits);
        float[] found = arena.toFloats();
        for (int i = 0; i < COUNT; i++) {
          boolean travels = i >= 16 && i < 1016 || i >= 2048 && i < COUNT - 2048;
          float expected =
              travels && wire == DType.BF16 ? BFloat16.toFloat(BFloat16.of(values[i])) : values[i];
          assertThat(found[i]).as("element %d", i).isEqualTo(expected);
        }
      }
      assertThat(sum.bytes()).isEqualTo((1000L + COUNT - 4096) * wire.bytes());
      assertThat(alone.failure()).isEmpty();
      alone.leave();
      sum.close();
    }
  }

  private static int waits() {
    return Boolean.getBoolean("jresnet.test.simulated") ? SimulatedGpu.ask(1_000_000, 0) : 0;
  }

  private static DeviceRanks join(Interconnect own) {
    return own.join(own.invitation(), 0, 1, Duration.ofMinutes(1));
  }

  @Test
  void theLibraryAndTheGpuHaveNames() {
    try (Backend backend = TestBackends.open("gpu")) {
      assertThat(interconnect(backend).library()).matches("NCCL 2\\.\\d+\\.\\d+");
      assertThat(interconnect(backend).device()).matches("[0-9a-fA-F]+:[0-9a-fA-F]+:[0-9a-f.]+");
    }
  }
}
