package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jresnet.backend.Backend;
import org.jresnet.backend.LossScale;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.backend.cpu.CpuOptions;
import org.jresnet.base.UserError;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.data.Preprocess;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.BackendSettings;
import org.jresnet.engine.Backends;
import org.jresnet.engine.Compute;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs on a GPU, whose steps are sent before what became of the last one is known. */
final class GpuTrainingTest {
  private static final int BATCHES = 5;

  @TempDir static Path folder;
  private static Path faces;

  @BeforeAll
  static void draw() {
    TestBackends.open("gpu").close();
    faces = folder.resolve("faces");
    DrawnFaces.write(faces, new DrawnFaces.Options(16, 32, 4), done -> {});
  }

  /** Stops the run after a number of batches. */
  private static final class Observer implements TrainingListener {
    Trainer trainer;
    int stopAfter = Integer.MAX_VALUE;
    private int batches;

    @Override
    public void note(String text) {}

    @Override
    public void batchDone(int batch, double loss, double imagesPerSecond, double waitShare) {
      if (++batches == stopAfter) {
        trainer.requestStop();
      }
    }
  }

  private static Training training() {
    return Training.on(faces)
        .split(0.7, 0.3, 0)
        .architecture("resnet18")
        .width(2)
        .preprocess(new Preprocess(16, Preprocess.Mode.STRETCH))
        .augmentation(Augmentation.NONE)
        .badImages(BadImages.STOP)
        .epochs(2)
        .batch(4)
        .clip(1)
        .seed(5);
  }

  private static Trainer.Outcome train(
      Training training, BackendKind kind, Precision precision, Path out, Observer observer) {
    RunFolder.Existing existing =
        Files.exists(out) ? RunFolder.Existing.RESUME : RunFolder.Existing.REFUSE;
    BackendSettings settings = new BackendSettings(CpuOptions.defaults(), TestBackends.gpu());
    try (Compute compute = Compute.open(kind, Optional.of(precision), settings);
        RunFolder run = RunFolder.open(out, existing, observer::note)) {
      Trainer trainer = training.backend(kind).precision(precision).trainer(run, compute, observer);
      observer.trainer = trainer;
      return trainer.run(Trainer.Contents.CHECKED);
    }
  }

  private static Checkpoint position(Path run) {
    return CheckpointFile.read(run.resolve(RunFolder.LAST)).position();
  }

  /** Losses are summed and steps counted as by the reference, where nothing is late. */
  @Test
  void aRunIsThatOfTheReference() {
    Trainer.Outcome found =
        train(training(), BackendKind.GPU, Precision.FP32, folder.resolve("gpu"), new Observer());
    Trainer.Outcome expected =
        train(
            training(),
            BackendKind.REFERENCE,
            Precision.FP64,
            folder.resolve("reference"),
            new Observer());
    assertThat(found.history()).hasSize(2);
    for (int e = 0; e < 2; e++) {
      EpochResult gpu = found.history().get(e);
      EpochResult exact = expected.history().get(e);
      assertThat(gpu.trainLoss()).isCloseTo(exact.trainLoss(), within(1e-3));
      assertThat(gpu.valLoss()).isCloseTo(exact.valLoss(), within(1e-3));
      assertThat(gpu.learningRate()).isEqualTo(exact.learningRate());
    }
    assertThat(position(folder.resolve("gpu")).steps()).isEqualTo(2 * BATCHES);
  }

  /** In half precision, so that loss scale and left-out steps must be carried on, too. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void aResumedRunEndsInTheSameBytes(int accumulate) throws IOException {
    Training options = training().accumulate(accumulate);
    Path whole = folder.resolve("whole-" + accumulate);
    Path resumed = folder.resolve("resumed-" + accumulate);
    train(options, BackendKind.GPU, Precision.FP16, whole, new Observer());
    Observer stopping = new Observer();
    stopping.stopAfter = 3;
    assertThat(train(options, BackendKind.GPU, Precision.FP16, resumed, stopping).end())
        .isEqualTo(Trainer.End.INTERRUPTED);
    assertThat(position(resumed).batch()).isBetween(3, 4);
    train(options, BackendKind.GPU, Precision.FP16, resumed, new Observer());
    assertThat(Files.mismatch(resumed.resolve(RunFolder.BEST), whole.resolve(RunFolder.BEST)))
        .isEqualTo(-1);
    Checkpoint found = position(resumed);
    Checkpoint expected = position(whole);
    assertThat(found.steps()).isEqualTo(expected.steps());
    assertThat(found.lossScale()).isEqualTo(expected.lossScale());
    List<Double> losses = expected.history().stream().map(EpochResult::trainLoss).toList();
    assertThat(found.history().stream().map(EpochResult::trainLoss).toList()).isEqualTo(losses);
    // All good steps at the first scale, or some left out and the scale halved as often.
    LossScale.State scale = found.lossScale();
    long attempts = accumulate == 1 ? 2 * BATCHES : 2 * (BATCHES / 2);
    long halved = Math.round(Math.log(LossScale.State.START.scale() / scale.scale()) / Math.log(2));
    assertThat(found.steps()).isEqualTo(attempts - halved);
  }

  /** The step and the tensor are those that the CPU names, although another step was sent. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void divergenceIsNamedAsOnTheCpu(int accumulate) {
    assumeTrue(hasCpu(), "a bundle for a GPU has no cpu backend to compare with");
    Training options = training().accumulate(accumulate).clip(0).learningRate(1e30);
    UserError found = diverged(options, BackendKind.GPU, folder.resolve("gpu-" + accumulate));
    UserError expected = diverged(options, BackendKind.CPU, folder.resolve("cpu-" + accumulate));
    assertThat(found).hasMessageStartingWith("training diverged in epoch 1, batch ");
    if (accumulate == 1) {
      assertThat(found.getMessage()).isEqualTo(expected.getMessage());
    } else {
      // A ReLU of the CPU may hide NaN from the loss, so that only the norm behind batch 4 shows
      // it.
      assertThat(found.getMessage())
          .contains("batch 3")
          .isEqualTo(expected.getMessage().replace("batch 4", "batch 3"));
    }
  }

  private static boolean hasCpu() {
    try (Backend cpu = Backends.open("cpu")) {
      return cpu.supports(Precision.FP32) instanceof Support.Yes;
    } catch (UserError e) {
      return false;
    }
  }

  private static UserError diverged(Training options, BackendKind kind, Path out) {
    return catchThrowableOfType(
        UserError.class, () -> train(options, kind, Precision.FP32, out, new Observer()));
  }
}
