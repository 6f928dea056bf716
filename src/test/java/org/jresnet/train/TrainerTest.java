package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.UpdateRule;
import org.jresnet.base.UserError;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Batch;
import org.jresnet.data.Loader;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.data.Loader.LastBatch;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Sample;
import org.jresnet.data.Shuffle;
import org.jresnet.data.Split;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Backends;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.graph.Graph;
import org.jresnet.loss.Objective;
import org.jresnet.models.Architecture;
import org.jresnet.train.TrainOptions.ScheduleOptions;
import org.jresnet.weights.ModelInfo;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Training runs of a narrow network on drawn faces: what a run leaves, and that a resumed one
 * leaves the same bytes.
 */
final class TrainerTest {
  private static final int EPOCHS = 3;

  @TempDir static Path folder;
  private static Path faces;

  @BeforeAll
  static void draw() {
    faces = folder.resolve("faces");
    DrawnFaces.write(faces, new DrawnFaces.Options(24, 32, 9), done -> {});
  }

  /** Stops the run after a number of batches, and remembers what it was told. */
  private static final class Observer implements TrainingListener {
    final List<String> notes = new ArrayList<>();
    final List<EpochResult> results = new ArrayList<>();
    Trainer trainer;
    int stopAfter = Integer.MAX_VALUE;
    private int batches;

    @Override
    public void note(String text) {
      notes.add(text);
    }

    @Override
    public void batchDone(int batch, double loss, double imagesPerSecond, double waitShare) {
      if (++batches == stopAfter) {
        trainer.requestStop();
      }
    }

    @Override
    public void epochFinished(EpochResult result, boolean best) {
      results.add(result);
    }
  }

  private static Training training(int accumulate, double learningRate) {
    return Training.on(faces)
        .architecture("resnet18")
        .width(4)
        .backend(BackendKind.CPU)
        .precision(Precision.FP32)
        .preprocess(new Preprocess(32, Preprocess.Mode.STRETCH))
        .augmentation(Augmentation.NONE)
        .badImages(BadImages.STOP)
        .epochs(EPOCHS)
        .batch(4)
        .accumulate(accumulate)
        .learningRate(learningRate)
        .schedule(ScheduleOptions.Kind.COSINE)
        .warmup(0.5)
        .finalFactor(0.1)
        .labelSmoothing(0.1)
        .classWeights("balanced")
        .clip(1)
        .seed(11);
  }

  private static Trainer.Outcome train(
      Training training, Path out, RunFolder.Existing existing, Observer observer) {
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32);
        RunFolder run = RunFolder.open(out, existing, observer::note)) {
      Trainer trainer = training.trainer(run, compute, observer);
      observer.trainer = trainer;
      return trainer.run(Trainer.Contents.CHECKED);
    }
  }

  @ParameterizedTest(name = "interrupted after batch {0}, accumulating {1}")
  @CsvSource({"1, 1", "3, 1", "7, 1", "8, 1", "9, 1", "17, 1", "1, 2", "9, 2"})
  void aResumedRunEndsInTheSameBytes(int stopAfter, int accumulate) throws IOException {
    Path whole = folder.resolve("whole-" + accumulate);
    if (!Files.exists(whole)) {
      train(training(accumulate, 1e-3), whole, RunFolder.Existing.REFUSE, new Observer());
    }
    Path resumed = folder.resolve("resumed-" + stopAfter + "-" + accumulate);
    Observer first = new Observer();
    first.stopAfter = stopAfter;
    Trainer.Outcome stopped =
        train(training(accumulate, 1e-3), resumed, RunFolder.Existing.REFUSE, first);
    assertThat(stopped.end()).isEqualTo(Trainer.End.INTERRUPTED);
    assertThat(stopped.history().size()).isLessThan(EPOCHS);
    Observer second = new Observer();
    Trainer.Outcome finished =
        train(training(accumulate, 1e-3), resumed, RunFolder.Existing.RESUME, second);
    assertThat(finished.end()).isEqualTo(Trainer.End.COMPLETED);
    assertThat(finished.history()).hasSize(EPOCHS);
    for (String file : List.of(RunFolder.BEST, RunFolder.SPLIT)) {
      assertThat(Files.mismatch(resumed.resolve(file), whole.resolve(file))).as(file).isEqualTo(-1);
    }
    // The losses must agree, too: the checkpoint carries the partial epoch.
    List<Double> losses = finished.history().stream().map(EpochResult::trainLoss).toList();
    assertThat(losses).isEqualTo(lossesOf(whole));
  }

  private static List<Double> lossesOf(Path run) throws IOException {
    var dict = org.jresnet.weights.WeightFiles.read(run.resolve(RunFolder.LAST));
    var history =
        new com.fasterxml.jackson.databind.ObjectMapper()
            .readTree(dict.metadata().get("jresnet.checkpoint"))
            .get("history");
    List<Double> losses = new ArrayList<>();
    history.forEach(row -> losses.add(row.get("trainLoss").asDouble()));
    return losses;
  }

  private static Training keeping(Training training) {
    return training.lastBatch(LastBatch.KEEP);
  }

  /** 34 training images: 8 batches of 4 and one of 2, which makes a group of its own. */
  @ParameterizedTest(name = "interrupted after batch {0}, accumulating {1}")
  @CsvSource({"1, 1", "8, 1", "9, 1", "8, 2", "9, 2", "10, 2"})
  void aResumedRunThatKeepsTheLastBatchEndsInTheSameBytes(int stopAfter, int accumulate)
      throws IOException {
    Training options = keeping(training(accumulate, 1e-3)).epochs(2);
    Path whole = folder.resolve("kept-" + accumulate);
    if (!Files.exists(whole)) {
      train(options, whole, RunFolder.Existing.REFUSE, new Observer());
    }
    Path resumed = folder.resolve("kept-" + stopAfter + "-" + accumulate);
    Observer first = new Observer();
    first.stopAfter = stopAfter;
    assertThat(train(options, resumed, RunFolder.Existing.REFUSE, first).end())
        .isEqualTo(Trainer.End.INTERRUPTED);
    train(options, resumed, RunFolder.Existing.RESUME, new Observer());
    assertThat(Files.mismatch(resumed.resolve(RunFolder.BEST), whole.resolve(RunFolder.BEST)))
        .isEqualTo(-1);
    assertThat(lossesOf(resumed)).isEqualTo(lossesOf(whole));
  }

  /**
   * As a PyTorch loop with drop_last=False: the mean over the smaller batch, one step of its own.
   * Here by hand, the last step compiled by itself.
   */
  @Test
  void theLastBatchCountsAsInPyTorch() {
    Training byName = keeping(training(1, 1e-3)).epochs(1);
    TrainOptions options = byName.options();
    Path out = folder.resolve("last-batch");
    train(byName, out, RunFolder.Existing.REFUSE, new Observer());
    Split split = Split.of(faces, options.split().fractions(), options.seed(), "");
    List<Sample> samples = split.part(Split.Part.TRAIN);
    assertThat(samples).hasSize(34);
    Architecture network = Architecture.of("resnet18");
    Graph graph = network.graph(2, 4);
    ModelInfo info = ModelFiles.info(network, 4, split.classes(), options.input().preprocess());
    CompileOptions training =
        CompileOptions.training(4, 32, ModelFiles.normalization(info))
            .withObjective(new Objective.CrossEntropy(0.1, List.of(1.0, 1.0)));
    Loader.Options loading =
        new Loader.Options(
            4, 1, 1, 11, Loader.Order.SHUFFLED, LastBatch.KEEP, BadImages.STOP, Shuffle.WHOLE);
    Schedule schedule = new Schedule(options.schedule(), 1e-3, 9, 1);
    try (Backend backend = Backends.open("cpu");
        Model model = new Model(graph, backend, Precision.FP32);
        OptimizerState adam =
            new OptimizerState(model, new UpdateRule.Adam(0.9, 0.999, 1e-8, 0), Set.of());
        Executable step = Executable.compile(model, training);
        Executable last = Executable.compile(model, training.withBatch(2));
        Loader loader =
            new Loader(samples, options.input().preprocess(), Augmentation.NONE, loading);
        Loader.Epoch epoch = loader.epoch(0, 0)) {
      model.initialize(11, Model.BlockEnd.ONE);
      int seen = 0;
      for (Batch batch = epoch.next(); batch != null; batch = epoch.next()) {
        Executable now = batch.count() == 4 ? step : last;
        now.step(batch.pixels(), java.util.Arrays.copyOf(batch.labels(), batch.count()));
        double norm = adam.gradientNorm();
        adam.step(schedule.rate(adam.steps()), Math.min(1, 1 / (norm + 1e-6)));
        seen += batch.count();
      }
      assertThat(seen).isEqualTo(34);
      var expected = ModelFiles.stateDict(model, java.util.Map.of()).tensors();
      var found = org.jresnet.weights.WeightFiles.read(out.resolve(RunFolder.BEST)).tensors();
      expected.forEach(
          (name, tensor) -> assertThat(found.get(name).data()).as(name).isEqualTo(tensor.data()));
    }
  }

  @Test
  void aLastBatchThatNormsCannotTrainOnIsRefusedBeforeTheFirstStep() {
    // 34 images: 11 batches of 3 and one image, whose layer4 has one value per channel.
    Training threes = keeping(training(1, 1e-3)).epochs(1).batch(3);
    assertThatThrownBy(
            () ->
                train(threes, folder.resolve("threes"), RunFolder.Existing.REFUSE, new Observer()))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("has 1 of 3 images")
        .hasMessageContaining("more than one value per channel")
        .hasMessageContaining("--drop-last");
  }

  @Test
  void aResumeWithOtherOptionsIsRefused() {
    Path out = folder.resolve("changed");
    Observer first = new Observer();
    first.stopAfter = 2;
    train(training(1, 1e-3), out, RunFolder.Existing.REFUSE, first);
    assertThatThrownBy(
            () -> train(training(1, 2e-3), out, RunFolder.Existing.RESUME, new Observer()))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("started differently")
        .hasMessageContaining("0.002");
  }

  @Test
  void divergenceStopsWithANameAndKeepsTheLastGoodState() throws IOException {
    Path out = folder.resolve("diverged");
    assertThatThrownBy(
            () -> train(training(1, 1e30), out, RunFolder.Existing.REFUSE, new Observer()))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("training diverged in epoch 1")
        .hasMessageContaining("is not finite")
        .hasMessageContaining("lower --lr");
    assertThat(out.resolve(RunFolder.BEST)).doesNotExist();
  }

  @Test
  void overwritingKeepsTheOldRunUntilTheNewOneHasACheckpoint() throws IOException {
    Path out = folder.resolve("mixed");
    Files.createDirectories(out);
    Files.writeString(out.resolve("notes.txt"), "mine");
    Files.writeString(out.resolve(RunFolder.BEST), "old");
    assertThatThrownBy(
            () -> train(training(1, 1e-3), out, RunFolder.Existing.REFUSE, new Observer()))
        .hasMessageContaining("not empty");
    Training nowhere = training(1, 1e-3).data(folder.resolve("nowhere"));
    assertThatThrownBy(() -> train(nowhere, out, RunFolder.Existing.OVERWRITE, new Observer()))
        .hasMessageContaining("does not exist");
    assertThat(out.resolve(RunFolder.BEST)).hasContent("old");
    Observer diverging = new Observer();
    assertThatThrownBy(() -> train(training(1, 1e30), out, RunFolder.Existing.OVERWRITE, diverging))
        .hasMessageContaining("diverged");
    assertThat(diverging.notes).anyMatch(n -> n.contains("the old one in " + out + " is back"));
    assertThat(out.resolve(RunFolder.BEST)).hasContent("old");
    Observer stopping = new Observer();
    stopping.stopAfter = 1;
    train(training(1, 1e-3), out, RunFolder.Existing.OVERWRITE, stopping);
    assertThat(out.resolve(RunFolder.BEST)).doesNotExist();
    assertThat(out.resolve(RunFolder.LAST)).exists();
    assertThat(out.resolve(PreviousRun.KEPT)).doesNotExist();
    assertThat(out.resolve("notes.txt")).hasContent("mine");
  }

  @Test
  void schedulesFollowTorch() {
    // torch: StepLR(step_size=10, gamma=0.1), CosineAnnealingLR(T_max=90, eta_min=0.1*lr) after 10
    // linear warm-up steps.
    Schedule step =
        new Schedule(new ScheduleOptions(ScheduleOptions.Kind.STEP, 0, 1, 0.1, 0), 1, 10, 10);
    assertThat(step.rate(9)).isEqualTo(1);
    assertThat(step.rate(10)).isCloseTo(0.1, org.assertj.core.data.Offset.offset(1e-15));
    assertThat(step.rate(25)).isCloseTo(0.01, org.assertj.core.data.Offset.offset(1e-15));
    Schedule cosine =
        new Schedule(new ScheduleOptions(ScheduleOptions.Kind.COSINE, 1, 1, 0.1, 0.1), 2, 10, 10);
    assertThat(cosine.rate(0)).isCloseTo(0.2, org.assertj.core.data.Offset.offset(1e-15));
    assertThat(cosine.rate(9)).isEqualTo(2);
    assertThat(cosine.rate(10)).isEqualTo(2);
    assertThat(cosine.rate(55)).isCloseTo(1.1, org.assertj.core.data.Offset.offset(1e-12));
    assertThat(cosine.rate(100)).isCloseTo(0.2, org.assertj.core.data.Offset.offset(1e-12));
  }
}
