package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.UpdateRule;
import org.jresnet.engine.CompileOptions.Watch;
import org.jresnet.graph.Parameter;
import org.jresnet.loss.Objective;
import org.jresnet.testing.Fixture;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Whole networks against PyTorch: activations, loss, gradients, running statistics, optimizer
 * steps. Bounds are those of docs/numerics.md; the fixtures were computed in double precision.
 */
final class NetworkTest {
  private static final double ACTIVATION_RTOL = 1e-3;
  private static final double ACTIVATION_ATOL = 1e-4;
  private static final double GRADIENT_BOUND = 1e-3;
  private static final double STATISTIC_BOUND = 1e-4;
  private static final double STEPS_BOUND = 1e-4;

  /** The networks that are compared, each with a backend and its precision. */
  @Target(ElementType.METHOD)
  @Retention(RetentionPolicy.RUNTIME)
  @ParameterizedTest(name = "{0} on {1} {2}")
  @CsvSource({
    "resnet18-w8, reference, FP64",
    "resnet18-w8-75x61, reference, FP64",
    "resnet50-w8, reference, FP64",
    "wide_resnet50_2-w8, reference, FP64",
    "resnext50_32x4d-w16, reference, FP64",
    "resnet18-w8, cpu, FP32",
    "resnet18-w8-75x61, cpu, FP32",
    "resnet50-w8, cpu, FP32",
    "wide_resnet50_2-w8, cpu, FP32",
    "wide_resnet101_2-w4, cpu, FP32",
    "resnext50_32x4d-w16, cpu, FP32",
    "resnext101_32x8d-w8, cpu, FP32",
    "resnet18-shortcut-a-w8, reference, FP64",
    "resnet50-preact-w8, reference, FP64",
    "resnet18-shortcut-a-w8, cpu, FP32",
    "resnet50-preact-w8, cpu, FP32",
    "resnet18-shortcut-a-w8, gpu, FP32",
    "resnet50-preact-w8, gpu, FP32",
    "resnet18, cpu, FP32",
    "resnet50, cpu, FP32",
    "mobilenet_v3_small-w8, reference, FP64",
    "mobilenet_v3_small-w8, cpu, FP32",
    "mobilenet_v3_large-w8, cpu, FP32",
    "mobilenet_v2-w8, cpu, FP32",
    "mobilenet_v2-w8, gpu, FP32",
    "mobilenet_v3_small-w8, gpu, FP32",
    "shufflenet_v2_x1_0-w6, cpu, FP32",
    "shufflenet_v2_x1_0-w6, gpu, FP32",
    "efficientnet_b0-w8, cpu, FP32",
    "efficientnet_b0-w8, gpu, FP32",
    "efficientnet_v2_s-w8, cpu, FP32",
    "efficientnet_v2_s-w8, gpu, FP32",
    "regnet_y_400mf-w8, cpu, FP32",
    "regnet_y_400mf-w8, gpu, FP32",
    "resnet18-w8, gpu, FP32",
    "resnet50-w8, gpu, FP32",
    "wide_resnet50_2-w8, gpu, FP32",
    "wide_resnet101_2-w4, gpu, FP32",
    "resnext50_32x4d-w16, gpu, FP32",
    "resnext101_32x8d-w8, gpu, FP32",
    "resnet18, gpu, FP32",
    "resnet50, gpu, FP32"
  })
  @interface Networks {}

  @Networks
  @CsvSource({"resnet50-224, cpu, FP32", "resnet50-224, gpu, FP32", "resnet18-w8-75x61, gpu, FP32"})
  void inference(String name, String backendName, Precision precision) {
    Fixture fixture = Fixture.open(name);
    try (Backend backend = TestBackends.open(backendName);
        Model model = new Model(fixture.published(), backend, precision)) {
      assertThat(backend.name()).isEqualTo(backendName);
      fixture.weights().into(model);
      List<String> nodes = fixture.names("eval/activation/");
      String head = fixture.graph().head().name();
      assertThat(nodes).contains(head);
      // Untapped first: tapping changes what is fused.
      try (Executable fused =
          Executable.compile(model, options(fixture, Pass.INFERENCE, Set.of()))) {
        fixture.assertElements(
            "eval/activation/" + head,
            fused.infer(fixture.pixels()),
            ACTIVATION_RTOL,
            ACTIVATION_ATOL);
      }
      try (Executable tapped =
          Executable.compile(model, options(fixture, Pass.INFERENCE, Set.copyOf(nodes)))) {
        tapped.infer(fixture.pixels());
        for (String node : nodes) {
          fixture.assertElements(
              "eval/activation/" + node, tapped.tap(node), ACTIVATION_RTOL, ACTIVATION_ATOL);
        }
      }
    }
  }

  @Networks
  void trainingStep(String name, String backendName, Precision precision) {
    Fixture fixture = Fixture.open(name);
    try (Backend backend = TestBackends.open(backendName);
        Model model = new Model(fixture.graph(), backend, precision)) {
      fixture.weights().into(model);
      List<String> nodes = fixture.names("train/activation/");
      try (Executable step =
          Executable.compile(
              model,
              options(fixture, Pass.TRAINING, Set.of())
                  .withWatch(new Watch(Set.copyOf(nodes), offsets(fixture), List.of())))) {
        double loss = step.step(fixture.pixels(), fixture.labels());
        fixture.assertElements(
            "train/loss", new float[] {(float) loss}, ACTIVATION_RTOL, ACTIVATION_ATOL);
        for (String node : nodes) {
          fixture.assertElements(
              "train/activation/" + node, step.tap(node), ACTIVATION_RTOL, ACTIVATION_ATOL);
        }
        assertOutputGradients(fixture, step);
        fixture.assertDistance(
            "train/dlogits", step.tapGradient(fixture.graph().head().name()), GRADIENT_BOUND);
      }
      assertGradients(fixture, model, "train/gradient/");
      assertZeros(fixture, model);
      for (String statistic : fixture.names("train/statistic/")) {
        String key = "train/statistic/" + statistic;
        if (statistic.endsWith("num_batches_tracked")) {
          assertThat(model.batchesTracked(statistic)).as(statistic).isEqualTo(fixture.integer(key));
        } else {
          fixture.assertDistance(key, model.get(statistic), STATISTIC_BOUND);
        }
      }
    }
  }

  /** What is zero in theory is smaller than any rounding of the largest gradient. */
  private static void assertZeros(Fixture fixture, Model model) {
    double largest = 0;
    for (Parameter p : fixture.graph().parameters()) {
      if (p.role().trainable()) {
        largest = Math.max(largest, norm(model.gradient(p.name()).toFloats()));
      }
    }
    for (String name : fixture.zeroGradients()) {
      assertThat(norm(model.gradient(name).toFloats())).as(name).isLessThan(1e-5 * largest);
    }
  }

  private static double norm(float[] values) {
    double squares = 0;
    for (float v : values) {
      squares += (double) v * v;
    }
    return Math.sqrt(squares);
  }

  /** The nodes that add an offset per channel: batch norms and the classifier. */
  private static Set<String> offsets(Fixture fixture) {
    Set<String> nodes = new TreeSet<>();
    for (Parameter p : fixture.graph().parameters()) {
      if (p.name().endsWith(".bias") && !fixture.zeroGradients().contains(p.name())) {
        nodes.add(p.name().substring(0, p.name().length() - ".bias".length()));
      }
    }
    return nodes;
  }

  /** Summed over all positions, the gradient of such a node's output is PyTorch's of its offset. */
  private static void assertOutputGradients(Fixture fixture, Executable step) {
    Set<String> nodes = offsets(fixture);
    // 17 norms and the classifier of a ResNet-18 without projections are the fewest.
    assertThat(nodes).hasSizeGreaterThanOrEqualTo(18);
    for (String node : nodes) {
      float[] gradient = step.tapGradient(node);
      double[] sums = new double[step.model().get(node + ".bias").length];
      for (int i = 0; i < gradient.length; i++) {
        sums[i % sums.length] += gradient[i];
      }
      float[] offset = new float[sums.length];
      for (int c = 0; c < offset.length; c++) {
        offset[c] = (float) sums[c];
      }
      fixture.assertDistance("train/gradient/" + node + ".bias", offset, GRADIENT_BOUND);
    }
  }

  private static void assertGradients(Fixture fixture, Model model, String prefix) {
    List<String> names = fixture.names(prefix);
    assertThat(names).isNotEmpty();
    for (String name : names) {
      fixture.assertDistance(prefix + name, model.gradient(name).toFloats(), GRADIENT_BOUND);
    }
  }

  @ParameterizedTest(name = "{0} on {1} {2}")
  @CsvSource({
    "resnet18-w8, reference, FP64",
    "resnet18-w8, cpu, FP32",
    "resnet18-w8, gpu, FP32",
    "resnet50-w8, reference, FP64",
    "resnet50-w8, cpu, FP32"
  })
  void smoothedAndWeightedLoss(String name, String backendName, Precision precision) {
    Fixture fixture = Fixture.open(name);
    List<Double> weights = new java.util.ArrayList<>();
    for (float w : fixture.floats("class_weights")) {
      weights.add((double) w);
    }
    try (Backend backend = TestBackends.open(backendName);
        Model model = new Model(fixture.graph(), backend, precision)) {
      fixture.weights().into(model);
      String head = fixture.graph().head().name();
      CompileOptions options =
          options(fixture, Pass.TRAINING, Set.of())
              .withWatch(new Watch(Set.of(), Set.of(head), List.of()))
              .withObjective(new Objective.CrossEntropy(0.1, weights));
      try (Executable step = Executable.compile(model, options)) {
        double loss = step.step(fixture.pixels(), fixture.labels());
        fixture.assertElements("smooth/loss", new float[] {(float) loss}, 1e-5, 0);
        fixture.assertDistance("smooth/dlogits", step.tapGradient(head), GRADIENT_BOUND);
      }
    }
  }

  @ParameterizedTest(name = "{0} on {1} {2}")
  @CsvSource({
    "squared/targets, reference, FP64",
    "squared/targets, cpu, FP32",
    "squared/targets, gpu, FP32",
    "seed/seed, reference, FP64",
    "seed/seed, cpu, FP32",
    "seed/seed, gpu, FP32"
  })
  void backwardFromValues(String given, String backendName, Precision precision) {
    Fixture fixture = Fixture.open("wide_resnet50_2-w8");
    boolean seed = given.startsWith("seed");
    Objective objective = seed ? new Objective.Seed() : new Objective.MeanSquaredError();
    try (Backend backend = TestBackends.open(backendName);
        Model model = new Model(fixture.graph(), backend, precision)) {
      fixture.weights().into(model);
      try (Executable step =
          Executable.compile(
              model, options(fixture, Pass.TRAINING, Set.of()).withObjective(objective))) {
        double loss = step.step(fixture.pixels(), fixture.floats(given));
        if (!seed) {
          fixture.assertElements("squared/loss", new float[] {(float) loss}, 1e-5, 0);
        }
      }
      assertGradients(fixture, model, seed ? "seed/gradient/" : "squared/gradient/");
    }
  }

  @ParameterizedTest(name = "{0} on {1} {2}")
  @CsvSource({
    "resnet18-w8, reference, FP64",
    "resnet18-w8, cpu, FP32",
    "resnet18-w8, gpu, FP32",
    "mobilenet_v3_small-w8, cpu, FP32"
  })
  void frozenNormsUseAndKeepRunningStatistics(
      String name, String backendName, Precision precision) {
    Fixture fixture = Fixture.open(name);
    Set<String> frozen = new TreeSet<>();
    for (Parameter p : fixture.graph().parameters()) {
      if (p.role() == Parameter.Role.NORM_WEIGHT || p.role() == Parameter.Role.NORM_BIAS) {
        frozen.add(p.name());
      }
    }
    try (Backend backend = TestBackends.open(backendName);
        Model model = new Model(fixture.graph(), backend, precision)) {
      fixture.weights().into(model);
      String mean =
          fixture.graph().parameters().stream()
              .map(Parameter::name)
              .filter(n -> n.endsWith(".running_mean"))
              .findFirst()
              .orElseThrow();
      float[] before = model.get(mean);
      CompileOptions options = options(fixture, Pass.TRAINING, Set.of()).withFrozen(frozen);
      try (Executable step = Executable.compile(model, options)) {
        double loss = step.step(fixture.pixels(), fixture.labels());
        fixture.assertElements(
            "frozen/loss", new float[] {(float) loss}, ACTIVATION_RTOL, ACTIVATION_ATOL);
      }
      assertThat(model.get(mean)).containsExactly(before);
      assertThat(model.batchesTracked(mean.replace("running_mean", "num_batches_tracked")))
          .isEqualTo(7);
      for (String parameter : fixture.names("frozen/gradient/")) {
        if (!frozen.contains(parameter)) {
          fixture.assertDistance(
              "frozen/gradient/" + parameter, model.gradient(parameter).toFloats(), GRADIENT_BOUND);
        }
      }
    }
  }

  @ParameterizedTest(name = "{0} {1} on {2} {3}")
  @CsvSource({
    "resnet18-w8, adam, reference, FP64",
    "resnet18-w8, adamw, reference, FP64",
    "resnet18-w8, sgd, reference, FP64",
    "resnet18-w8, adam, cpu, FP32",
    "resnet18-w8, adamw, cpu, FP32",
    "resnet18-w8, sgd, cpu, FP32",
    "resnet18-w8, adam, gpu, FP32",
    "resnet18-w8, adamw, gpu, FP32",
    "resnet18-w8, sgd, gpu, FP32",
    "resnet50-w8, adam, reference, FP64",
    "mobilenet_v3_small-w8, adam, reference, FP64",
    "mobilenet_v3_small-w8, adam, cpu, FP32",
    "mobilenet_v3_large-w8, adam, reference, FP64",
    "mobilenet_v2-w8, adam, reference, FP64",
    "shufflenet_v2_x1_0-w6, adam, reference, FP64",
    "efficientnet_b0-w8, adam, reference, FP64",
    "efficientnet_v2_s-w8, adam, reference, FP64",
    "regnet_y_400mf-w8, adam, reference, FP64",
    "resnet18, adam, cpu, FP32"
  })
  void tenOptimizerSteps(String name, String rule, String backendName, Precision precision) {
    Fixture fixture = Fixture.open(name);
    UpdateRule optimizer =
        switch (rule) {
          case "adam" -> new UpdateRule.Adam(0.9, 0.999, 1e-8, 0);
          case "adamw" -> new UpdateRule.AdamW(0.9, 0.999, 1e-8, 0.05);
          default -> new UpdateRule.Sgd(0.9, 1e-4);
        };
    double rate = rule.equals("sgd") ? 0.01 : 1e-3;
    try (Backend backend = TestBackends.open(backendName);
        Model model = new Model(fixture.graph(), backend, precision);
        OptimizerState state = new OptimizerState(model, optimizer, Set.of())) {
      fixture.weights().into(model);
      float[] losses = new float[10];
      try (Executable step = Executable.compile(model, options(fixture, Pass.TRAINING, Set.of()))) {
        for (int i = 0; i < losses.length; i++) {
          losses[i] = (float) step.step(fixture.pixels(), fixture.labels());
          state.step(rate, 1);
        }
      }
      if (name.equals("resnet18")) {
        // At full width Adam moves many of the eleven million parameters by rounding alone: nothing
        // but the losses is stored, and the last of them, a ten-thousandth of the first, is
        // measured by the first. Sums in another order, as without AVX, change them by 1.5e-4.
        fixture.assertDistance(rule + "/loss", losses, 1e-3);
        return;
      }
      fixture.assertElements(rule + "/loss", losses, STEPS_BOUND, 0);
      for (String parameter : fixture.names(rule + "/parameter/")) {
        fixture.assertDistance(rule + "/parameter/" + parameter, model.get(parameter), STEPS_BOUND);
      }
    }
  }

  @ParameterizedTest(name = "on {0} {1}")
  @CsvSource({"reference, FP64", "cpu, FP32", "gpu, FP32"})
  void clippingByNorm(String backendName, Precision precision) {
    Fixture fixture = Fixture.open("resnet18-w8");
    try (Backend backend = TestBackends.open(backendName);
        Model model = new Model(fixture.graph(), backend, precision);
        OptimizerState state = new OptimizerState(model, new UpdateRule.Sgd(0, 0), Set.of())) {
      fixture.weights().into(model);
      try (Executable step = Executable.compile(model, options(fixture, Pass.TRAINING, Set.of()))) {
        step.step(fixture.pixels(), fixture.labels());
      }
      double norm = state.gradientNorm();
      fixture.assertElements("clip/norm", new float[] {(float) norm}, 1e-4, 0);
      state.step(1, Math.min(1, 1 / (norm + 1e-6)));
      for (String name : fixture.names("clip/parameter/")) {
        fixture.assertDistance("clip/parameter/" + name, model.get(name), 1e-4);
      }
    }
  }

  private static CompileOptions options(Fixture fixture, Pass pass, Set<String> taps) {
    return CompileOptions.of(
            pass,
            new CompileOptions.Images(
                fixture.batch(), fixture.height(), fixture.width(), Fixture.NORMALIZATION))
        .withTaps(taps);
  }
}
