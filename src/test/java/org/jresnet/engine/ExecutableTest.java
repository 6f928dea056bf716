package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.backend.UpdateRule;
import org.jresnet.base.UserError;
import org.jresnet.distributed.Solo;
import org.jresnet.distributed.Wire;
import org.jresnet.graph.Graph;
import org.jresnet.loss.Objective;
import org.jresnet.models.Architecture;
import org.jresnet.nativebindings.onednn.HostMemory;
import org.jresnet.testing.Fixture;
import org.jresnet.testing.SeededWeights;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ExecutableTest {
  private static final Normalization NORMALIZATION = Fixture.NORMALIZATION;
  private static final Graph SMALL = Architecture.of("resnet18").graph(3, 8);
  private static final byte[] PIXELS = new SeededWeights(5).pixels(4, 32, 32);
  private static final int[] LABELS = {0, 2, 1, 2};

  /** Bytes; an object for each of a step's calls would be more. */
  private static final long LITTLE = 1024;

  private static Model seeded(Backend backend, Precision precision) {
    Model model = new Model(SMALL, backend, precision);
    new SeededWeights(3).into(model);
    return model;
  }

  @Test
  void compilingAndClosingLeavesNothingBehind() {
    try (Backend backend = Backends.open("cpu")) {
      cycle(backend);
      long before = HostMemory.nativeObjects();
      for (int i = 0; i < 100; i++) {
        cycle(backend);
      }
      assertThat(HostMemory.nativeObjects()).isEqualTo(before);
    }
  }

  private static void cycle(Backend backend) {
    try (Model model = seeded(backend, Precision.FP32);
        OptimizerState optimizer =
            new OptimizerState(model, new UpdateRule.Adam(0.9, 0.999, 1e-8, 0), Set.of());
        Executable step = Executable.compile(model, CompileOptions.training(4, 32, NORMALIZATION));
        Executable guest =
            step.compileSharingMemory(CompileOptions.inference(2, 32, NORMALIZATION))) {
      step.step(PIXELS, LABELS);
      optimizer.step(1e-3, 1);
      guest.infer(PIXELS);
    }
  }

  @Test
  void residentMemoryStaysFlat() throws IOException {
    Path status = Path.of("/proc/self/status");
    Assumptions.assumeTrue(
        Files.isReadable(status), "resident memory is read from /proc, which is not here");
    try (Backend backend = Backends.open("cpu");
        Model model = seeded(backend, Precision.FP32);
        OptimizerState optimizer =
            new OptimizerState(model, new UpdateRule.Adam(0.9, 0.999, 1e-8, 0), Set.of());
        Executable step =
            Executable.compile(model, CompileOptions.training(4, 32, NORMALIZATION))) {
      long before = 0;
      for (int i = 0; i < 600; i++) {
        if (i == 100) {
          System.gc();
          before = residentKib(status);
        }
        step.step(PIXELS, LABELS);
        optimizer.step(1e-4, 1);
      }
      System.gc();
      // 500 leaked steps of the smallest tensor would already be more than this.
      assertThat(residentKib(status) - before).isLessThan(16 * 1024);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void aStepAllocatesNothing(int checkpointBlocks) {
    try (Backend backend = Backends.open("cpu")) {
      allocatesNothing(
          backend,
          CompileOptions.training(4, 32, NORMALIZATION).withCheckpointBlocks(checkpointBlocks),
          1);
    }
  }

  /** With kernels of our own, whose vectors are objects until the JVM has compiled the loops. */
  @ParameterizedTest
  @ValueSource(strings = {"winograd", "direct"})
  void aStepOfOwnKernelsAllocatesNothing(String kernel) {
    try (Backend backend = TestBackends.forced(kernel)) {
      allocatesNothing(backend, CompileOptions.training(4, 32, NORMALIZATION), 40);
    }
  }

  private static void allocatesNothing(Backend backend, CompileOptions options, int rounds) {
    try (Model model = seeded(backend, Precision.FP32);
        OptimizerState optimizer =
            new OptimizerState(model, new UpdateRule.Adam(0.9, 0.999, 1e-8, 0), Set.of());
        Executable step = Executable.compile(model, options)) {
      allocatesNothing(
          rounds,
          () -> {
            step.step(PIXELS, LABELS);
            optimizer.gradientNorm();
            optimizer.step(1e-4, 1);
          });
    }
  }

  /**
   * After fifty steps, fifty more leave nothing behind.
   *
   * @param rounds of fifty steps, one of which has to pass
   */
  private static void allocatesNothing(int rounds, Runnable step) {
    int steps = 50;
    // The first call of the meter loads its classes.
    garbage();
    for (int i = 0; i < steps; i++) {
      step.run();
    }
    long objects = 0;
    long perStep = Long.MAX_VALUE;
    for (int round = 0; round < rounds && perStep >= LITTLE; round++) {
      objects = HostMemory.nativeObjects();
      long garbage = garbage();
      for (int i = 0; i < steps; i++) {
        step.run();
      }
      perStep = (garbage() - garbage) / steps;
    }
    // Every JavaCPP allocation also makes Java objects, so this bounds their churn, too.
    assertThat(perStep).isLessThan(LITTLE);
    assertThat(HostMemory.nativeObjects()).isEqualTo(objects);
  }

  /** All but what the way to other ranks itself does. */
  @ParameterizedTest
  @EnumSource(Wire.class)
  void anExchangeOfGradientsAllocatesNothing(Wire wire) {
    try (Backend backend = Backends.open("cpu");
        Model model = seeded(backend, Precision.FP32);
        GradientExchange exchange =
            new GradientExchange(
                model, Solo.INSTANCE, Set.of(), wire, GradientExchange.Statistics.OWN);
        Executable step =
            Executable.compile(
                model, CompileOptions.training(4, 32, NORMALIZATION).withExchange(exchange))) {
      allocatesNothing(
          1,
          () -> {
            step.step(PIXELS, LABELS);
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
        Model model = seeded(backend, Precision.FP32);
        Executable step =
            Executable.compile(
                model, CompileOptions.training(4, 32, NORMALIZATION).withObjective(objective))) {
      allocatesNothing(1, () -> step.step(PIXELS, values));
      assertThatThrownBy(() -> step.step(PIXELS, LABELS))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("takes VALUES, found labels");
    }
  }

  /** A loss of one's own sees the logits first; that changes no bit of the step. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void inferAndBackwardMakeAStep(int checkpointBlocks) {
    float[] seed = new float[4 * 3];
    for (int i = 0; i < seed.length; i++) {
      seed[i] = i - 5;
    }
    CompileOptions options =
        CompileOptions.training(4, 32, NORMALIZATION)
            .withObjective(new Objective.Seed())
            .withCheckpointBlocks(checkpointBlocks);
    try (Backend backend = Backends.open("cpu");
        Model whole = seeded(backend, Precision.FP32);
        Model parts = seeded(backend, Precision.FP32);
        Executable step = Executable.compile(whole, options);
        Executable halves = Executable.compile(parts, options)) {
      double value = step.step(PIXELS, seed);
      assertThat(halves.infer(PIXELS)).isEqualTo(step.logits());
      assertThat(halves.backward(seed)).isEqualTo(value);
      assertThat(parts.gradients().toFloats())
          .isEqualTo(whole.gradients().toFloats())
          .isNotEqualTo(new float[(int) whole.gradients().elements()]);
      assertThat(parts.get("bn1.running_mean")).isEqualTo(whole.get("bn1.running_mean"));
      assertThat(parts.batchesTracked("bn1.num_batches_tracked"))
          .isEqualTo(whole.batchesTracked("bn1.num_batches_tracked"));
    }
    try (Backend backend = Backends.open("cpu");
        Model model = seeded(backend, Precision.FP32);
        Executable inference =
            Executable.compile(model, CompileOptions.inference(4, 32, NORMALIZATION))) {
      assertThatThrownBy(() -> inference.backward(seed))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("compiled for inference");
    }
  }

  /** Bytes that this thread and the backend's workers have ever allocated on the Java heap. */
  static long garbage() {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long sum = threads.getThreadAllocatedBytes(Thread.currentThread().getId());
    for (ThreadInfo info : threads.getThreadInfo(threads.getAllThreadIds())) {
      if (info != null && info.getThreadName().startsWith("jresnet-worker")) {
        sum += threads.getThreadAllocatedBytes(info.getThreadId());
      }
    }
    return sum;
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
  @EnumSource(names = {"FP32", "BF16"})
  void twoRunsAreBitEqual(Precision precision) {
    try (Backend backend = Backends.open("cpu")) {
      Assumptions.assumeTrue(
          backend.supports(precision) instanceof Support.Yes,
          () -> precision + " is not possible here: " + backend.supports(precision));
      float[][] results = new float[2][];
      for (int run = 0; run < 2; run++) {
        try (Model model = seeded(backend, precision);
            OptimizerState optimizer =
                new OptimizerState(model, new UpdateRule.Sgd(0.9, 0), Set.of());
            Executable step =
                Executable.compile(model, CompileOptions.training(4, 32, NORMALIZATION))) {
          for (int i = 0; i < 10; i++) {
            step.step(PIXELS, LABELS);
            optimizer.step(1e-2, 1);
          }
          results[run] = model.parameters().toFloats();
        }
      }
      assertThat(results[1]).containsExactly(results[0]);
      assertThat(results[0]).isNotEqualTo(new float[results[0].length]);
    }
  }

  @Test
  void accumulatedGradientsAreSums() {
    try (Backend backend = Backends.open("cpu");
        Model model = seeded(backend, Precision.FP32);
        OptimizerState optimizer = new OptimizerState(model, new UpdateRule.Sgd(0, 0), Set.of());
        Executable step =
            Executable.compile(model, CompileOptions.training(4, 32, NORMALIZATION))) {
      step.step(PIXELS, LABELS);
      float[] once = model.gradient("fc.weight").toFloats();
      for (int micro = 0; micro < 3; micro++) {
        step.step(PIXELS, LABELS);
        optimizer.accumulate(micro, 3);
      }
      float[] thrice = model.gradient("fc.weight").toFloats();
      for (int i = 0; i < once.length; i++) {
        assertThat(thrice[i]).isCloseTo(3 * once[i], org.assertj.core.data.Offset.offset(1e-5f));
      }
    }
  }

  @Test
  void frozenLayersGetNoGradientAndTheRestIsUnchanged() {
    try (Backend backend = Backends.open("cpu");
        Model model = seeded(backend, Precision.FP32)) {
      Set<String> frozen = Set.of("conv1.weight", "fc.bias");
      CompileOptions options = CompileOptions.training(4, 32, NORMALIZATION);
      try (Executable step = Executable.compile(model, options)) {
        step.step(PIXELS, LABELS);
      }
      float[] expected = model.gradient("layer1.0.conv1.weight").toFloats();
      new SeededWeights(3).into(model);
      float[] untouched = new float[model.gradient("conv1.weight").toFloats().length];
      java.util.Arrays.fill(untouched, 42f);
      model.gradient("conv1.weight").set(untouched);
      try (Executable step = Executable.compile(model, options.withFrozen(frozen))) {
        step.step(PIXELS, LABELS);
      }
      assertThat(model.gradient("conv1.weight").toFloats()).containsExactly(untouched);
      assertThat(model.gradient("layer1.0.conv1.weight").toFloats()).containsExactly(expected);
    }
  }

  @Test
  void aPrefetchedBatchIsTakenAndAnotherIsNotMistakenForIt() {
    byte[] others = PIXELS.clone();
    others[7] ^= 64;
    try (Backend backend = Backends.open("cpu");
        Model model = seeded(backend, Precision.FP32);
        Executable inference =
            Executable.compile(model, CompileOptions.inference(4, 32, NORMALIZATION))) {
      float[] expected = inference.infer(PIXELS).clone();
      float[] expectedOfOthers = inference.infer(others).clone();
      assertThat(expectedOfOthers).isNotEqualTo(expected);
      inference.prefetch(PIXELS);
      assertThat(inference.infer(PIXELS)).isEqualTo(expected);
      inference.prefetch(PIXELS);
      assertThat(inference.infer(others)).isEqualTo(expectedOfOthers);
      assertThat(inference.infer(PIXELS)).isEqualTo(expected);
      assertThatThrownBy(() -> inference.prefetch(new byte[3]))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("bytes of pixels");
    }
  }

  @Test
  void poisonIsTracedToItsNode() {
    try (Backend backend = Backends.open("cpu");
        Model model = seeded(backend, Precision.FP32);
        Executable step = Executable.compile(model, CompileOptions.training(4, 32, NORMALIZATION));
        OptimizerState optimizer =
            new OptimizerState(model, new UpdateRule.Sgd(0.9, 0), Set.of())) {
      float[] huge = model.get("layer2.0.conv2.weight");
      java.util.Arrays.fill(huge, 3e38f);
      model.set("layer2.0.conv2.weight", huge);
      // A ReLU may turn NaN into 0, which hides it from the loss, never from the gradients.
      step.step(PIXELS, LABELS);
      assertThat(optimizer.gradientNorm()).isNaN();
      assertThat(step.locateNonFinite()).contains("layer2.0.conv2");
      float[] poisoned = model.get("layer1.0.bn1.weight");
      poisoned[3] = Float.NaN;
      model.set("layer1.0.bn1.weight", poisoned);
      assertThat(step.locateNonFinite()).isEqualTo("the parameter layer1.0.bn1.weight");
    }
  }

  @Test
  void tapsShowWhatFusionHides() {
    try (Backend backend = Backends.open("reference");
        Model model = seeded(backend, Precision.FP64)) {
      CompileOptions options = CompileOptions.inference(4, 32, NORMALIZATION);
      float[] fused;
      try (Executable plain = Executable.compile(model, options)) {
        fused = plain.infer(PIXELS);
        assertThatThrownBy(() -> plain.tap("conv1"))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("not tapped");
      }
      try (Executable tapped =
          Executable.compile(
              model, options.withTaps(Set.of("conv1", "layer1.0.bn2", "layer1.0.add")))) {
        assertThat(tapped.infer(PIXELS)).containsExactly(fused);
        float[] sum = tapped.tap("layer1.0.add");
        assertThat(sum).hasSize(4 * 8 * 8 * 8);
        assertThat(tapped.tap("conv1")).hasSize(4 * 16 * 16 * 8);
      }
    }
  }

  @Test
  void impossibleRequestsSayWhatAndWhere() {
    try (Backend backend = Backends.open("cpu");
        Model model = seeded(backend, Precision.FP32)) {
      assertThatThrownBy(
              () -> Executable.compile(model, CompileOptions.training(1, 32, NORMALIZATION)))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("layer4.0.bn1:")
          .hasMessageContaining("more than one value per channel");
      assertThatThrownBy(
              () -> Executable.compile(model, CompileOptions.training(14_000, 224, NORMALIZATION)))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("not enough memory")
          .hasMessageContaining("smaller --batch");
      assertThatThrownBy(() -> new Model(SMALL, backend, Precision.FP64))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("double precision");
      assertThatThrownBy(
              () ->
                  Executable.compile(
                      model,
                      CompileOptions.inference(1, 32, NORMALIZATION).withTaps(Set.of("layer9"))))
          .hasMessageContaining("no node named layer9");
    }
  }
}
