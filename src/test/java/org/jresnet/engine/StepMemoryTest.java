package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.UpdateRule;
import org.jresnet.distributed.Solo;
import org.jresnet.distributed.Wire;
import org.jresnet.loss.Objective;
import org.jresnet.nativebindings.onednn.HostMemory;
import org.jresnet.testing.Allocations;
import org.jresnet.testing.Fixture;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What compiling, steps and closing leave behind in memory: nothing. */
final class StepMemoryTest {
  @Test
  void compilingAndClosingLeavesNothingBehind() throws InterruptedException {
    try (Backend backend = Backends.open("cpu")) {
      cycle(backend);
      collectWhatOthersLeft();
      long before = HostMemory.nativeObjects();
      for (int i = 0; i < 100; i++) {
        cycle(backend);
      }
      assertThat(HostMemory.nativeObjects()).isEqualTo(before);
    }
  }

  /** Tests of plans that fail half-made leave their objects to the garbage collector. */
  private static void collectWhatOthersLeft() throws InterruptedException {
    long before;
    do {
      before = HostMemory.nativeObjects();
      System.gc();
      Thread.sleep(100);
    } while (HostMemory.nativeObjects() < before);
  }

  private static void cycle(Backend backend) {
    try (Model model = SmallNetwork.seeded(backend, Precision.FP32);
        OptimizerState optimizer =
            new OptimizerState(model, new UpdateRule.Adam(0.9, 0.999, 1e-8, 0), Set.of());
        Executable step = Executable.compile(model, SmallNetwork.TRAINING);
        Executable guest =
            step.compileSharingMemory(CompileOptions.inference(2, 32, Fixture.NORMALIZATION))) {
      step.step(SmallNetwork.PIXELS, SmallNetwork.LABELS);
      optimizer.step(1e-3, 1);
      guest.infer(SmallNetwork.PIXELS);
    }
  }

  @Test
  void residentMemoryStaysFlat() throws IOException {
    Path status = Path.of("/proc/self/status");
    Assumptions.assumeTrue(
        Files.isReadable(status), "resident memory is read from /proc, which is not here");
    try (Backend backend = Backends.open("cpu");
        Model model = SmallNetwork.seeded(backend, Precision.FP32);
        OptimizerState optimizer =
            new OptimizerState(model, new UpdateRule.Adam(0.9, 0.999, 1e-8, 0), Set.of());
        Executable step = Executable.compile(model, SmallNetwork.TRAINING)) {
      long before = 0;
      for (int i = 0; i < 600; i++) {
        if (i == 100) {
          System.gc();
          before = residentKib(status);
        }
        step.step(SmallNetwork.PIXELS, SmallNetwork.LABELS);
        optimizer.step(1e-4, 1);
      }
      System.gc();
      // 500 leaked steps of the smallest tensor would already be more than this.
      assertThat(residentKib(status) - before).isLessThan(16 * 1024);
    }
  }

  private static long residentKib(Path status) throws IOException {
    try (var lines = Files.lines(status)) {
      return lines
          .filter(l -> l.startsWith("VmRSS"))
          .mapToLong(l -> Long.parseLong(l.replaceAll("\\D", "")))
          .findFirst()
          .orElseThrow();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void aStepAllocatesNothing(int checkpointBlocks) {
    try (Backend backend = Backends.open("cpu")) {
      allocatesNothing(backend, SmallNetwork.TRAINING.withCheckpointBlocks(checkpointBlocks), 1);
    }
  }

  /** With kernels of our own, whose vectors are objects until the JVM has compiled the loops. */
  @ParameterizedTest
  @ValueSource(strings = {"winograd", "direct"})
  void aStepOfOwnKernelsAllocatesNothing(String kernel) {
    try (Backend backend = TestBackends.forced(kernel)) {
      allocatesNothing(backend, SmallNetwork.TRAINING, 40);
    }
  }

  private static void allocatesNothing(Backend backend, CompileOptions options, int rounds) {
    try (Model model = SmallNetwork.seeded(backend, Precision.FP32);
        OptimizerState optimizer =
            new OptimizerState(model, new UpdateRule.Adam(0.9, 0.999, 1e-8, 0), Set.of());
        Executable step = Executable.compile(model, options)) {
      Allocations.requireNone(
          rounds,
          () -> {
            step.step(SmallNetwork.PIXELS, SmallNetwork.LABELS);
            optimizer.gradientNorm();
            optimizer.step(1e-4, 1);
          });
    }
  }

  /** All but what the way to other ranks itself does. */
  @ParameterizedTest
  @EnumSource(Wire.class)
  void anExchangeOfGradientsAllocatesNothing(Wire wire) {
    try (Backend backend = Backends.open("cpu");
        Model model = SmallNetwork.seeded(backend, Precision.FP32);
        GradientExchange exchange =
            new GradientExchange(
                model, Solo.INSTANCE, Set.of(), wire, GradientExchange.Statistics.OWN);
        Executable step = Executable.compile(model, SmallNetwork.TRAINING.withExchange(exchange))) {
      Allocations.requireNone(
          1,
          () -> {
            step.step(SmallNetwork.PIXELS, SmallNetwork.LABELS);
            exchange.finish();
          });
    }
  }

  static List<Objective> objectivesOfValues() {
    return List.of(new Objective.MeanSquaredError(), new Objective.Seed());
  }

  @ParameterizedTest
  @MethodSource("objectivesOfValues")
  void aStepWithValuesAllocatesNothing(Objective objective) {
    float[] values = new float[4 * 3];
    values[5] = 1;
    try (Backend backend = Backends.open("cpu");
        Model model = SmallNetwork.seeded(backend, Precision.FP32);
        Executable step =
            Executable.compile(model, SmallNetwork.TRAINING.withObjective(objective))) {
      Allocations.requireNone(1, () -> step.step(SmallNetwork.PIXELS, values));
      assertThatThrownBy(() -> step.step(SmallNetwork.PIXELS, SmallNetwork.LABELS))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("takes VALUES, found labels");
    }
  }
}
