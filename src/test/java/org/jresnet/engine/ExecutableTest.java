package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Set;
import org.assertj.core.data.Offset;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.backend.UpdateRule;
import org.jresnet.base.UserError;
import org.jresnet.loss.Objective;
import org.jresnet.testing.Fixture;
import org.jresnet.testing.SeededWeights;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What an executable computes, and what it refuses. */
final class ExecutableTest {
  /** A loss of one's own sees the logits first; that changes no bit of the step. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void inferAndBackwardMakeAStep(int checkpointBlocks) {
    float[] seed = new float[4 * 3];
    for (int i = 0; i < seed.length; i++) {
      seed[i] = i - 5;
    }
    CompileOptions options =
        SmallNetwork.TRAINING
            .withObjective(new Objective.Seed())
            .withCheckpointBlocks(checkpointBlocks);
    try (Backend backend = Backends.open("cpu");
        Model whole = SmallNetwork.seeded(backend, Precision.FP32);
        Model parts = SmallNetwork.seeded(backend, Precision.FP32);
        Executable step = Executable.compile(whole, options);
        Executable halves = Executable.compile(parts, options)) {
      double value = step.step(SmallNetwork.PIXELS, seed);
      assertThat(halves.infer(SmallNetwork.PIXELS)).isEqualTo(step.logits());
      assertThat(halves.backward(seed)).isEqualTo(value);
      assertThat(parts.gradients().toFloats())
          .isEqualTo(whole.gradients().toFloats())
          .isNotEqualTo(new float[(int) whole.gradients().elements()]);
      assertThat(parts.get("bn1.running_mean")).isEqualTo(whole.get("bn1.running_mean"));
      assertThat(parts.batchesTracked("bn1.num_batches_tracked"))
          .isEqualTo(whole.batchesTracked("bn1.num_batches_tracked"));
    }
    try (Backend backend = Backends.open("cpu");
        Model model = SmallNetwork.seeded(backend, Precision.FP32);
        Executable inference = Executable.compile(model, SmallNetwork.INFERENCE)) {
      assertThatThrownBy(() -> inference.backward(seed))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("compiled for inference");
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
        try (Model model = SmallNetwork.seeded(backend, precision);
            OptimizerState optimizer =
                new OptimizerState(model, new UpdateRule.Sgd(0.9, 0), Set.of());
            Executable step = Executable.compile(model, SmallNetwork.TRAINING)) {
          for (int i = 0; i < 10; i++) {
            step.step(SmallNetwork.PIXELS, SmallNetwork.LABELS);
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
        Model model = SmallNetwork.seeded(backend, Precision.FP32);
        OptimizerState optimizer = new OptimizerState(model, new UpdateRule.Sgd(0, 0), Set.of());
        Executable step = Executable.compile(model, SmallNetwork.TRAINING)) {
      step.step(SmallNetwork.PIXELS, SmallNetwork.LABELS);
      float[] once = model.gradient("fc.weight").toFloats();
      for (int micro = 0; micro < 3; micro++) {
        step.step(SmallNetwork.PIXELS, SmallNetwork.LABELS);
        optimizer.accumulate(micro, 3);
      }
      float[] thrice = model.gradient("fc.weight").toFloats();
      for (int i = 0; i < once.length; i++) {
        assertThat(thrice[i]).isCloseTo(3 * once[i], Offset.offset(1e-5f));
      }
    }
  }

  @Test
  void frozenLayersGetNoGradientAndTheRestIsUnchanged() {
    try (Backend backend = Backends.open("cpu");
        Model model = SmallNetwork.seeded(backend, Precision.FP32)) {
      Set<String> frozen = Set.of("conv1.weight", "fc.bias");
      CompileOptions options = SmallNetwork.TRAINING;
      try (Executable step = Executable.compile(model, options)) {
        step.step(SmallNetwork.PIXELS, SmallNetwork.LABELS);
      }
      float[] expected = model.gradient("layer1.0.conv1.weight").toFloats();
      new SeededWeights(3).into(model);
      float[] untouched = new float[model.gradient("conv1.weight").toFloats().length];
      Arrays.fill(untouched, 42f);
      model.gradient("conv1.weight").set(untouched);
      try (Executable step = Executable.compile(model, options.withFrozen(frozen))) {
        step.step(SmallNetwork.PIXELS, SmallNetwork.LABELS);
      }
      assertThat(model.gradient("conv1.weight").toFloats()).containsExactly(untouched);
      assertThat(model.gradient("layer1.0.conv1.weight").toFloats()).containsExactly(expected);
    }
  }

  @Test
  void aPrefetchedBatchIsTakenAndAnotherIsNotMistakenForIt() {
    byte[] others = SmallNetwork.PIXELS.clone();
    others[7] ^= 64;
    try (Backend backend = Backends.open("cpu");
        Model model = SmallNetwork.seeded(backend, Precision.FP32);
        Executable inference = Executable.compile(model, SmallNetwork.INFERENCE)) {
      float[] expected = inference.infer(SmallNetwork.PIXELS).clone();
      float[] expectedOfOthers = inference.infer(others).clone();
      assertThat(expectedOfOthers).isNotEqualTo(expected);
      inference.prefetch(SmallNetwork.PIXELS);
      assertThat(inference.infer(SmallNetwork.PIXELS)).isEqualTo(expected);
      inference.prefetch(SmallNetwork.PIXELS);
      assertThat(inference.infer(others)).isEqualTo(expectedOfOthers);
      assertThat(inference.infer(SmallNetwork.PIXELS)).isEqualTo(expected);
      assertThatThrownBy(() -> inference.prefetch(new byte[3]))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("bytes of pixels");
    }
  }

  @Test
  void poisonIsTracedToItsNode() {
    try (Backend backend = Backends.open("cpu");
        Model model = SmallNetwork.seeded(backend, Precision.FP32);
        Executable step = Executable.compile(model, SmallNetwork.TRAINING);
        OptimizerState optimizer =
            new OptimizerState(model, new UpdateRule.Sgd(0.9, 0), Set.of())) {
      float[] huge = model.get("layer2.0.conv2.weight");
      Arrays.fill(huge, 3e38f);
      model.set("layer2.0.conv2.weight", huge);
      // A ReLU may turn NaN into 0, which hides it from the loss, never from the gradients.
      step.step(SmallNetwork.PIXELS, SmallNetwork.LABELS);
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
        Model model = SmallNetwork.seeded(backend, Precision.FP64)) {
      CompileOptions options = SmallNetwork.INFERENCE;
      float[] fused;
      try (Executable plain = Executable.compile(model, options)) {
        fused = plain.infer(SmallNetwork.PIXELS);
        assertThatThrownBy(() -> plain.tap("conv1"))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("not tapped");
      }
      try (Executable tapped =
          Executable.compile(
              model, options.withTaps(Set.of("conv1", "layer1.0.bn2", "layer1.0.add")))) {
        assertThat(tapped.infer(SmallNetwork.PIXELS)).containsExactly(fused);
        float[] sum = tapped.tap("layer1.0.add");
        assertThat(sum).hasSize(4 * 8 * 8 * 8);
        assertThat(tapped.tap("conv1")).hasSize(4 * 16 * 16 * 8);
      }
    }
  }

  @Test
  void impossibleRequestsSayWhatAndWhere() {
    try (Backend backend = Backends.open("cpu");
        Model model = SmallNetwork.seeded(backend, Precision.FP32)) {
      assertThatThrownBy(
              () ->
                  Executable.compile(model, CompileOptions.training(1, 32, Fixture.NORMALIZATION)))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("layer4.0.bn1:")
          .hasMessageContaining("more than one value per channel");
      assertThatThrownBy(
              () ->
                  Executable.compile(
                      model, CompileOptions.training(14_000, 224, Fixture.NORMALIZATION)))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("not enough memory")
          .hasMessageContaining("smaller --batch");
      assertThatThrownBy(() -> new Model(SmallNetwork.GRAPH, backend, Precision.FP64))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("double precision");
      assertThatThrownBy(
              () ->
                  Executable.compile(
                      model,
                      CompileOptions.inference(1, 32, Fixture.NORMALIZATION)
                          .withTaps(Set.of("layer9"))))
          .hasMessageContaining("no node named layer9");
    }
  }
}
