package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.jresnet.backend.Precision;
import org.jresnet.backend.UpdateRule;
import org.jresnet.base.Csv;
import org.jresnet.base.UserError;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.graph.Graph;
import org.jresnet.models.Architecture;
import org.jresnet.testing.SeededWeights;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TelemetryTest {
  @TempDir private static Path folder;
  private static Path faces;

  @BeforeAll
  static void draw() {
    faces = folder.resolve("faces");
    DrawnFaces.write(faces, new DrawnFaces.Options(20, 32, 1), done -> {});
  }

  private static Trainer.Outcome train(
      Path out, int epochs, RunFolder.Existing existing, TelemetryOptions telemetry) {
    TinyRun.Notes notes = new TinyRun.Notes();
    try (RunFolder run = RunFolder.open(out, existing, notes::note);
        Compute compute = Compute.open(BackendKind.CPU, Precision.FP32)) {
      Training training =
          existing == RunFolder.Existing.RESUME
              ? run.record().options().change().epochs(epochs)
              : TinyRun.options(faces, epochs).change();
      return training
          .trainer(run, compute, notes)
          .telemetry(telemetry)
          .run(Trainer.Contents.CHECKED);
    }
  }

  /** Six steps an epoch, of which the first, third and fifth are read. */
  @Test
  void seesStepsAndChangesNone() throws IOException {
    Path plain = folder.resolve("plain");
    Path seen = folder.resolve("seen");
    Path board = folder.resolve("board");
    train(plain, 2, RunFolder.Existing.REFUSE, TelemetryOptions.OFF);
    Trainer.Outcome outcome =
        train(seen, 2, RunFolder.Existing.REFUSE, new TelemetryOptions(2, Optional.of(board)));
    assertThat(WeightFiles.read(seen.resolve("last.ckpt")).tensors())
        .isEqualTo(WeightFiles.read(plain.resolve("last.ckpt")).tensors());

    List<List<String>> table = Csv.read(seen.resolve("metrics.csv"));
    assertThat(table).hasSize(3);
    List<String> header = table.get(0);
    assertThat(header)
        .endsWith(
            "seconds",
            "gradient_norm",
            "update_ratio",
            "dead_relu_8x8",
            "dead_relu_4x4",
            "dead_relu_2x2",
            "dead_relu_1x1");
    assertThat(Csv.read(plain.resolve("metrics.csv")).get(0)).endsWith("seconds");
    for (EpochResult epoch : outcome.history()) {
      assertThat(epoch.telemetry().get("gradient_norm")).isPositive();
      assertThat(epoch.telemetry().get("update_ratio")).isBetween(1e-4, 0.5);
      assertThat(epoch.telemetry().get("dead_relu_1x1")).isBetween(0.0, 1.0);
      assertThat(Double.parseDouble(table.get(epoch.epoch()).get(header.indexOf("gradient_norm"))))
          .isCloseTo(epoch.telemetry().get("gradient_norm"), withinPercentage(1e-3));
    }

    List<EventReader.Value> values = EventReader.read(files(board).get(0));
    List<EventReader.Value> norms = tagged(values, "step/gradient_norm");
    assertThat(norms).extracting(EventReader.Value::step).containsExactly(1L, 3L, 5L, 7L, 9L, 11L);
    assertThat(mean(norms.subList(0, 3)))
        .isCloseTo(
            outcome.history().get(0).telemetry().get("gradient_norm"), withinPercentage(1e-3));
    assertThat(tagged(values, "step/learning_rate"))
        .extracting(EventReader.Value::scalar)
        .containsOnly(1e-3f);
    assertThat(tagged(values, "epoch/val_loss"))
        .extracting(v -> (double) v.scalar())
        .usingElementComparator((a, b) -> Math.abs(a - b) < 1e-5 ? 0 : 1)
        .containsExactlyElementsOf(outcome.history().stream().map(EpochResult::valLoss).toList());
    List<EventReader.Value> pngs = values.stream().filter(v -> v.png() != null).toList();
    assertThat(pngs).hasSize(4).allMatch(v -> v.tag().matches("input/\\d/(camera|generated)"));
    assertThat(ImageIO.read(new ByteArrayInputStream(pngs.get(0).png())).getWidth()).isEqualTo(16);
    List<EventReader.Value> weights = tagged(values, "weights/fc.weight");
    assertThat(weights).hasSize(2);
    float[] last =
        WeightFiles.read(seen.resolve("last.ckpt")).tensors().get("fc.weight").toFloats();
    double largest = Double.NEGATIVE_INFINITY;
    for (float v : last) {
      largest = Math.max(largest, v);
    }
    assertThat(weights.get(1).histogram()[1]).isEqualTo(largest);
    assertThat(weights.get(1).histogram()[2])
        .isEqualTo(weights.get(1).histogram()[3])
        .isEqualTo(last.length);
    assertThat(tagged(values, "gradients/conv1.weight")).hasSize(2);
  }

  private static double mean(List<EventReader.Value> values) {
    return values.stream().mapToDouble(EventReader.Value::scalar).average().orElseThrow();
  }

  private static List<EventReader.Value> tagged(List<EventReader.Value> values, String tag) {
    return values.stream().filter(v -> v.tag().equals(tag)).toList();
  }

  private static List<Path> files(Path board) throws IOException {
    try (Stream<Path> files = Files.list(board)) {
      return files.filter(f -> f.getFileName().toString().contains("tfevents")).sorted().toList();
    }
  }

  @Test
  void aRunThatGoesOnWritesAnotherFile() throws Exception {
    Path out = folder.resolve("resumed");
    Path board = folder.resolve("resumed-board");
    TelemetryOptions telemetry = new TelemetryOptions(50, Optional.of(board));
    train(out, 1, RunFolder.Existing.REFUSE, telemetry);
    train(out, 2, RunFolder.Existing.RESUME, telemetry);
    List<Long> steps = new ArrayList<>();
    List<Path> files = files(board);
    assertThat(files).hasSize(2);
    for (Path file : files) {
      tagged(EventReader.read(file), "step/loss").forEach(v -> steps.add(v.step()));
    }
    assertThat(steps).containsExactly(1L, 7L);
    assertThat(Csv.read(out.resolve("metrics.csv")).get(1)).doesNotContain("");
  }

  @Test
  void aFolderThatCannotBeMadeIsNamedBeforeTraining() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "");
    Path out = folder.resolve("refused");
    assertThatThrownBy(
            () ->
                train(
                    out, 1, RunFolder.Existing.REFUSE, new TelemetryOptions(1, Optional.of(file))))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(file.toString());
  }

  /** A channel whose weight and bias leave nothing above zero is dead; all others are not. */
  @Test
  void countsDeadChannels() {
    Graph graph = Architecture.of("resnet18").graph(2, 4);
    boolean[] wanted = {true};
    DeadRelus relus = new DeadRelus(graph, 32, () -> wanted[0]);
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32);
        Model model = compute.model(graph)) {
      new SeededWeights(5).into(model);
      float[] weight = model.get("bn1.weight");
      float[] bias = model.get("bn1.bias");
      weight[1] = 0;
      bias[1] = -1;
      for (int c : new int[] {0, 2, 3}) {
        weight[c] = 1;
        bias[c] = 0;
      }
      model.set("bn1.weight", weight);
      model.set("bn1.bias", bias);
      var options =
          CompileOptions.training(2, 32, ModelFiles.normalization(Architecture.of("resnet18")))
              .withWatch(new CompileOptions.Watch(Set.of(), Set.of(), relus.callbacks()));
      byte[] pixels = new byte[2 * 32 * 32 * 3];
      new Random(1).nextBytes(pixels);
      try (var step = Executable.compile(model, options)) {
        step.step(pixels, new int[] {0, 1});
        assertThat(relus.shares()).containsEntry("16x16", 0.25);
        assertThat(relus.shares()).containsKeys("8x8", "4x4", "2x2", "1x1");
        wanted[0] = false;
        bias[1] = 1;
        model.set("bn1.bias", bias);
        step.step(pixels, new int[] {0, 1});
        assertThat(relus.shares()).as("not read").containsEntry("16x16", 0.25);
        wanted[0] = true;
        step.step(pixels, new int[] {0, 1});
        assertThat(relus.shares()).containsEntry("16x16", 0.0);
      }
    }
  }

  /** Of 40 steps after the first one none is read. */
  @Test
  void aStepThatIsNotReadAllocatesNothing() {
    Architecture network = Architecture.of("resnet18");
    // Channels in eights: norms of other numbers go through vectors, which are objects until the
    // JVM has compiled their loops.
    Graph graph = network.graph(2, 8);
    byte[] pixels = new byte[2 * 32 * 32 * 3];
    new Random(1).nextBytes(pixels);
    int[] labels = {0, 1};
    TelemetryOptions rarely = new TelemetryOptions(1000, Optional.empty());
    var meter = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32);
        Model model = compute.model(graph);
        OptimizerState optimizer =
            new OptimizerState(model, new UpdateRule.Adam(0.9, 0.999, 1e-8, 0), Set.of());
        Telemetry telemetry = new Telemetry(rarely, model, optimizer, Set.of(), 32, note -> {});
        Executable step =
            Executable.compile(
                model,
                telemetry.watch(
                    CompileOptions.training(2, 32, ModelFiles.normalization(network))))) {
      new SeededWeights(5).into(model);
      long first = 0;
      long least = Long.MAX_VALUE;
      for (int i = 0; i < 999 && least >= 1024; i++) {
        long start = meter.getThreadAllocatedBytes(Thread.currentThread().getId());
        telemetry.batch(i, true);
        double loss = step.step(pixels, labels);
        double norm = optimizer.gradientNorm();
        telemetry.beforeUpdate();
        optimizer.step(1e-3, 1);
        telemetry.afterUpdate(norm);
        telemetry.batchDone(loss, 1e-3, 100);
        long bytes = meter.getThreadAllocatedBytes(Thread.currentThread().getId()) - start;
        first = i == 0 ? bytes : first;
        least = i == 0 ? least : Math.min(least, bytes);
      }
      assertThat(first).as("bytes of the step that is read").isGreaterThan(100_000);
      assertThat(least).as("bytes of one that is not").isLessThan(1024);
      assertThat(telemetry.epoch()).containsKeys("gradient_norm", "update_ratio");
      assertThat(telemetry.epoch()).as("the next epoch starts anew").isEmpty();
    }
  }
}
