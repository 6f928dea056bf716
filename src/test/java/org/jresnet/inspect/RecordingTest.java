package org.jresnet.inspect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.base.UserError;
import org.jresnet.data.Preprocess;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Model;
import org.jresnet.graph.Graph;
import org.jresnet.models.Architecture;
import org.jresnet.testing.SeededWeights;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.TrainOptions.OptimizerOptions;
import org.jresnet.weights.ModelInfo;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecordingTest {
  private static final List<String> CLASSES = List.of("camera", "generated");
  private static final int SIZE = 32;
  private static final OptimizerOptions ADAM =
      new OptimizerOptions(OptimizerOptions.Kind.ADAM, 1e-3, 0.9, 0.999, 1e-8, 0.9, 0);

  @TempDir private static Path folder;
  private static Path step;

  @BeforeAll
  static void record() {
    step = folder.resolve("step.rec");
    write(step, Pass.TRAINING, Set.of(), false, 0);
  }

  private static Graph graph() {
    return Architecture.of("resnet18").graph(CLASSES.size(), 4);
  }

  /** Records a step of two images of noise; no nodes mean all. */
  private static void write(Path file, Pass pass, Set<String> nodes, boolean half, int stepsDone) {
    Architecture network = Architecture.of("resnet18");
    Graph graph = graph();
    ModelInfo info =
        ModelFiles.info(network, 4, CLASSES, new Preprocess(SIZE, Preprocess.Mode.STRETCH));
    byte[] pixels = new byte[2 * SIZE * SIZE * 3];
    new Random(3).nextBytes(pixels);
    StepRecorder.Images images =
        new StepRecorder.Images(pixels, SIZE, List.of("a.png", "b.png"), new int[] {1, 0});
    StepRecorder.Options options =
        new StepRecorder.Options(
            pass,
            ADAM,
            Set.of(),
            nodes.isEmpty() ? NodePatterns.matching(graph, List.of()) : nodes,
            half,
            true,
            11,
            0);
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32);
        Model model = compute.model(graph);
        StepRecorder recorder = new StepRecorder(model, info, images, options)) {
      new SeededWeights(5).into(model);
      recorder.optimizer().setSteps(stepsDone);
      if (stepsDone > 0) {
        graph.parameters().stream()
            .filter(p -> p.role().trainable())
            .forEach(p -> recorder.optimizer().state(1, p.name()).set(filled(p.elements(), 1e-4f)));
      }
      recorder.write(file);
      assertThat(Files.size(file)).isBetween(recorder.bytes(), recorder.bytes() + (4 << 20));
    } catch (java.io.IOException e) {
      throw new AssertionError(e);
    }
  }

  private static float[] filled(int count, float value) {
    float[] values = new float[count];
    Arrays.fill(values, value);
    return values;
  }

  @Test
  void holdsTheWholeStep() {
    try (Recording r = Recording.open(step)) {
      assertThat(r.network().architecture()).isEqualTo("resnet18");
      assertThat(r.facts().training()).isTrue();
      assertThat(r.facts().step()).isEqualTo(1);
      assertThat(r.labels()).containsExactly(1, 0);
      assertThat(r.shape(Recording.INPUT)).containsExactly(2L, 32L, 32L, 3L);
      Graph graph = r.graph();
      graph
          .nodes()
          .forEach(
              n ->
                  assertThat(r.tensors())
                      .contains(Recording.output(n.name()), Recording.gradient(n.name())));
      assertThat(r.shape(Recording.gradient("input"))).containsExactly(2L, 32L, 32L, 3L);
      graph.parameters().stream()
          .filter(p -> p.role().trainable())
          .forEach(
              p ->
                  assertThat(r.tensors())
                      .contains(
                          Recording.parameter(p.name()),
                          Recording.parameterGradient(p.name()),
                          Recording.parameterAfter(p.name()),
                          Recording.moment(1, p.name()),
                          Recording.moment(2, p.name())));
      assertThat(r.values(Recording.output(graph.output().name())))
          .isEqualTo(r.values(Recording.LOGITS));
      assertThat(r.tensors()).noneMatch(name -> name.startsWith("moment1_before/"));
    }
  }

  /** The norm's output, the update and the running statistics follow from what lies beside. */
  @Test
  void numbersFitTogether() {
    try (Recording r = Recording.open(step)) {
      float[] x = r.values(Recording.output("conv1"));
      float[] y = r.values(Recording.output("bn1"));
      float[] mean = r.values(Recording.batchMean("bn1"));
      float[] variance = r.values(Recording.batchVariance("bn1"));
      float[] weight = r.values(Recording.parameter("bn1.weight"));
      float[] bias = r.values(Recording.parameter("bn1.bias"));
      for (int i = 0; i < x.length; i++) {
        int c = i % mean.length;
        double expected = (x[i] - mean[c]) / Math.sqrt(variance[c] + 1e-5) * weight[c] + bias[c];
        assertThat((double) y[i]).as("bn1 %d", i).isEqualTo(expected, within(1e-4));
      }
      int perChannel = x.length / mean.length;
      float[] before = r.values(Recording.statisticBefore("bn1.running_var"));
      float[] after = r.values(Recording.statisticAfter("bn1.running_var"));
      for (int c = 0; c < mean.length; c++) {
        double unbiased = variance[c] * perChannel / (perChannel - 1.0);
        assertThat((double) after[c])
            .isEqualTo(0.9 * before[c] + 0.1 * unbiased, within(1e-5 * Math.abs(after[c])));
      }
      String name = "layer2.0.conv1.weight";
      float[] w = r.values(Recording.parameter(name));
      float[] dw = r.values(Recording.parameterGradient(name));
      float[] w1 = r.values(Recording.parameterAfter(name));
      float[] m = r.values(Recording.moment(1, name));
      float[] v = r.values(Recording.moment(2, name));
      for (int i = 0; i < w.length; i++) {
        assertThat((double) m[i]).isEqualTo(0.1 * dw[i], within(1e-6 * Math.abs(m[i]) + 1e-12));
        assertThat((double) v[i])
            .isEqualTo(0.001 * dw[i] * dw[i], within(1e-4 * Math.abs(v[i]) + 1e-12));
        double update = 1e-3 * (m[i] / 0.1) / (Math.sqrt(v[i] / 0.001) + 1e-8);
        assertThat((double) w1[i]).as("%s %d", name, i).isEqualTo(w[i] - update, within(1e-6));
      }
      assertThat(dw).as("not all zero").satisfies(g -> assertThat(norm(g)).isPositive());
    }
  }

  private static double norm(float[] values) {
    double squares = 0;
    for (float v : values) {
      squares += (double) v * v;
    }
    return Math.sqrt(squares);
  }

  @Test
  void statisticsAreThoseOfTheValues() {
    try (Recording r = Recording.open(step)) {
      String name = Recording.output("relu1");
      float[] values = r.values(name);
      TensorStatistics s = r.statistics(name);
      long zeros = 0;
      double sum = 0;
      for (float v : values) {
        zeros += v == 0 ? 1 : 0;
        sum += v;
      }
      assertThat(s.zeros()).isEqualTo((double) zeros / values.length).isBetween(0.05, 0.95);
      assertThat(s.mean()).isEqualTo(sum / values.length, within(1e-9));
      assertThat(s.norm()).isEqualTo(norm(values), within(1e-9 * s.norm()));
      assertThat(s.min()).isZero();
      assertThat(s.histogram().stream().mapToLong(Long::longValue).sum()).isEqualTo(values.length);
      assertThat(s.histogram().get(0)).isGreaterThanOrEqualTo(zeros);
      assertThat(s.histogram().get(63)).isPositive();
      assertThatThrownBy(() -> r.statistics(Recording.INPUT)).isInstanceOf(UserError.class);
    }
  }

  /** The sum of squares of singular values is that of the elements. */
  @Test
  void spectraOfTheResidualBranches() {
    try (Recording r = Recording.open(step)) {
      List<String> spectra =
          r.tensors().stream().filter(n -> n.startsWith("singular_values/")).toList();
      assertThat(spectra)
          .hasSize(16)
          .contains("singular_values/layer1.0.conv1.weight")
          .noneMatch(n -> n.contains("downsample"));
      for (String name : spectra) {
        float[] sigma = r.values(name);
        float[] w = r.values(name.replace("singular_values/", "parameter/"));
        assertThat(norm(sigma)).as(name).isEqualTo(norm(w), within(1e-6 * norm(w)));
        for (int i = 1; i < sigma.length; i++) {
          assertThat(sigma[i]).isLessThanOrEqualTo(sigma[i - 1]);
        }
      }
    }
  }

  @Test
  void replaysToTheByte() {
    try (Recording r = Recording.open(step);
        Compute compute = Compute.open(BackendKind.CPU, Precision.FP32)) {
      StepReplay.Outcome outcome = new StepReplay(r).run(compute);
      assertThat(outcome.difference()).isEmpty();
      assertThat(outcome.tensors()).isEqualTo(r.tensors().size());
    }
  }

  @Test
  void replaysWhatWasCarriedOverAndRounded() {
    Path file = folder.resolve("later.rec");
    write(file, Pass.TRAINING, Set.of("layer1.0.conv1", "layer1.0.bn1"), true, 7);
    try (Recording r = Recording.open(file);
        Compute compute = Compute.open(BackendKind.CPU, Precision.FP32)) {
      assertThat(r.facts().step()).isEqualTo(8);
      assertThat(r.tensors())
          .contains(
              "moment2_before/fc.weight", "output/layer1.0.bn1", "parameter/layer3.0.conv1.weight")
          .doesNotContain("output/layer1.0.conv2", "parameter_after/layer3.0.conv1.weight");
      assertThat(new StepReplay(r).run(compute).difference()).isEmpty();
    }
  }

  @Test
  void inferenceHasNoGradients() {
    Path file = folder.resolve("inference.rec");
    write(file, Pass.INFERENCE, Set.of(), false, 0);
    try (Recording r = Recording.open(file);
        Compute compute = Compute.open(BackendKind.CPU, Precision.FP32)) {
      assertThat(r.facts().training()).isFalse();
      assertThat(r.tensors())
          .contains("output/bn1", "statistic_before/bn1.running_mean")
          .noneMatch(n -> n.matches("(gradient|parameter_gradient|batch_mean|moment1)/.*"));
      assertThat(new StepReplay(r).run(compute).difference()).isEmpty();
    }
  }

  @Test
  void replayNamesTheFirstTensorThatDiffers() throws Exception {
    byte[] bytes = Files.readAllBytes(step);
    Path changed = folder.resolve("changed.rec");
    int header = Math.toIntExact(little(bytes).getLong(0));
    String text = new String(bytes, 8, header, StandardCharsets.UTF_8);
    String entry = text.substring(text.indexOf("\"output/layer2.0.relu\""));
    String offsets = entry.substring(entry.indexOf("data_offsets\":[") + 15);
    int at = 8 + header + Integer.parseInt(offsets.substring(0, offsets.indexOf(',')));
    bytes[at + 4 * 9 + 2] ^= 4;
    Files.write(changed, bytes);
    try (Recording r = Recording.open(changed);
        Compute compute = Compute.open(BackendKind.CPU, Precision.FP32)) {
      assertThat(new StepReplay(r).run(compute).difference())
          .hasValueSatisfying(
              text2 -> assertThat(text2).startsWith("output/layer2.0.relu, element 9: recorded "));
    }
  }

  private static ByteBuffer little(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  @Test
  void refusesWhatIsNoRecording() throws Exception {
    byte[] bytes = Files.readAllBytes(step);
    Path truncated = folder.resolve("truncated.rec");
    Files.write(truncated, Arrays.copyOf(bytes, bytes.length - 1000));
    assertRefused(truncated, "truncated");

    Path other = folder.resolve("other.safetensors");
    WeightFiles.write(other, new StateDict(java.util.Map.of(), java.util.Map.of()));
    assertRefused(other, "no recording of a step", "jresnet record");

    Path newer = folder.resolve("newer.rec");
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    Files.write(
        newer,
        text.replace("jresnet.recording.version\":\"1\"", "jresnet.recording.version\":\"7\"")
            .getBytes(StandardCharsets.ISO_8859_1));
    assertRefused(newer, "version 7", "version 1");

    Path cut = folder.resolve("cut.rec");
    Files.write(
        cut,
        text.replace("\\\"seed\\\":11", "\\\"seex\\\":11").getBytes(StandardCharsets.ISO_8859_1));
    assertRefused(cut, "seed");
    assertRefused(folder.resolve("none.rec"), "does not exist");
    assertRefused(folder, "is a folder");
  }

  private static void assertRefused(Path file, String... words) {
    assertThatThrownBy(() -> Recording.open(file))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(file.toString())
        .hasMessageContainingAll(words);
  }

  @Test
  void offersTheNearestNames() {
    try (Recording r = Recording.open(step)) {
      assertThatThrownBy(() -> r.values("output/layer1.0.conv9"))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("output/layer1.0.conv1");
    }
    assertThatThrownBy(() -> NodePatterns.matching(graph(), List.of("layer1.*", "leyer2.0.bn1")))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("layer2.0.bn1");
    assertThat(NodePatterns.matching(graph(), List.of("layer1.0.*", "fc")))
        .contains("fc")
        .hasSize(8);
  }

  @Test
  void refusesAFullDiskWithBothNumbers() {
    assertThatThrownBy(() -> StepRecorder.requireRoom(Path.of("x.rec"), 900L << 20, 800L << 20))
        .isInstanceOf(UserError.class)
        .hasMessageContainingAll("900 MB", "800 MB", "--half");
    StepRecorder.requireRoom(Path.of("x.rec"), 800L << 20, 800L << 20);
  }

  @Test
  void singularValuesOfAKnownMatrix() {
    // Rotations do not change the singular values 5, 3 and 1 of a diagonal.
    double a = 0.4;
    double b = 1.1;
    double[][] u = {
      {Math.cos(a), -Math.sin(a), 0}, {Math.sin(a), Math.cos(a), 0}, {0, 0, 1},
    };
    double[][] v = {
      {1, 0, 0, 0}, {0, Math.cos(b), Math.sin(b), 0}, {0, -Math.sin(b), Math.cos(b), 0},
    };
    double[] sigma = {5, 3, 1};
    float[] wide = new float[12];
    float[] tall = new float[12];
    for (int i = 0; i < 3; i++) {
      for (int j = 0; j < 4; j++) {
        double sum = 0;
        for (int k = 0; k < 3; k++) {
          sum += u[i][k] * sigma[k] * v[k][j];
        }
        wide[i * 4 + j] = (float) sum;
        tall[j * 3 + i] = (float) sum;
      }
    }
    for (float[] found : List.of(SingularValues.of(wide, 3, 4), SingularValues.of(tall, 4, 3))) {
      assertThat(found).containsExactly(new float[] {5, 3, 1}, within(1e-5f));
    }
    assertThat(Optional.of(SingularValues.of(new float[6], 2, 3)))
        .hasValueSatisfying(zeros -> assertThat(zeros).containsExactly(0, 0));
  }
}
