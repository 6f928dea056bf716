package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jresnet.backend.Precision;
import org.jresnet.base.UserError;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.Preprocess;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The other families and forms do what a ResNet does: train, resume to the bit, predict, explain.
 */
@Timeout(60)
final class OtherFamiliesTest {
  private static final int EPOCHS = 3;
  private static final int SIZE = 32;

  @TempDir static Path folder;
  private static Path faces;

  @BeforeAll
  static void draw() {
    faces = folder.resolve("faces");
    DrawnFaces.write(faces, new DrawnFaces.Options(12, SIZE, 9), done -> {});
  }

  /** Stops the run after a number of batches. */
  private static final class Stopping implements TrainingListener {
    private final int after;
    private Trainer trainer;
    private int batches;

    Stopping(int after) {
      this.after = after;
    }

    @Override
    public void note(String text) {}

    @Override
    public void batchDone(int batch, double loss, double imagesPerSecond, double waitShare) {
      if (++batches == after) {
        trainer.requestStop();
      }
    }
  }

  private static Training training(String network) {
    return TinyRun.options(faces, EPOCHS)
        .change()
        .architecture(network)
        .width(8)
        .preprocess(new Preprocess(SIZE, Preprocess.Mode.STRETCH));
  }

  private static Trainer.End train(
      String network, Path out, RunFolder.Existing existing, int stopAfter) {
    Stopping listener = new Stopping(stopAfter);
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32);
        RunFolder run = RunFolder.open(out, existing, listener::note)) {
      listener.trainer = training(network).trainer(run, compute, listener);
      return listener.trainer.run(Trainer.Contents.CHECKED).end();
    }
  }

  /** 14 training images are 3 batches: the run stops in the middle of the second epoch. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "mobilenet_v3_small",
        "mobilenet_v2",
        "shufflenet_v2_x0_5",
        "efficientnet_b0",
        "efficientnet_v2_s",
        "regnet_y_400mf",
        "resnet18:shortcut=A,stochastic-depth=0.2",
        "resnet18:preact",
        "resnet18:plain"
      })
  void aRunThatDropsAtRandomResumesToTheBit(String network) throws Exception {
    Path whole = folder.resolve(network + "-whole");
    Path resumed = folder.resolve(network + "-resumed");
    int never = Integer.MAX_VALUE;
    assertThat(train(network, whole, RunFolder.Existing.REFUSE, never))
        .isEqualTo(Trainer.End.COMPLETED);
    assertThat(train(network, resumed, RunFolder.Existing.REFUSE, 4))
        .isEqualTo(Trainer.End.INTERRUPTED);
    assertThat(train(network, resumed, RunFolder.Existing.RESUME, never))
        .isEqualTo(Trainer.End.COMPLETED);
    assertThat(WeightFiles.read(resumed.resolve(RunFolder.LAST)).tensors())
        .isEqualTo(WeightFiles.read(whole.resolve(RunFolder.LAST)).tensors());
    assertThat(Files.mismatch(resumed.resolve(RunFolder.BEST), whole.resolve(RunFolder.BEST)))
        .isEqualTo(-1);
    predictsAndExplains(whole);
  }

  /** Weights of the published network go where names and shapes agree. */
  @Test
  void publishedWeightsGoWhereTheyFit() {
    Path published = folder.resolve("published");
    train("resnet18", published, RunFolder.Existing.REFUSE, Integer.MAX_VALUE);
    String weights = published.resolve(RunFolder.BEST).toString();
    Path fits = folder.resolve("fits");
    training("resnet18:stochastic-depth=0.3").weights(weights).run(fits);
    assertThat(ModelFiles.open(fits, Optional.empty()).info().architecture())
        .isEqualTo("resnet18:stochastic-depth=0.3");
    assertThatThrownBy(
            () -> training("resnet18:shortcut=A").weights(weights).run(folder.resolve("unfit")))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("does not fit resnet18:shortcut=A")
        .satisfies(
            e ->
                assertThat(((UserError) e).details())
                    .anyMatch(line -> line.contains("layer2.0.downsample.0.weight")));
  }

  private static void predictsAndExplains(Path run) throws Exception {
    Path image;
    try (var files = Files.list(faces.resolve("camera"))) {
      image = files.sorted().findFirst().orElseThrow();
    }
    try (Classifier classifier = Classifier.open(run)) {
      Prediction prediction = classifier.predict(image);
      assertThat(prediction.probability()).isBetween(0.0, 1.0);
      HeatMap map = classifier.gradCam(ImageDecoder.decode(image), "camera");
      assertThat(map.node()).isEqualTo(classifier.lastStage());
      Path pth = run.resolve("exported.pth");
      classifier.save(pth);
      String network = classifier.model().graph().name();
      LoadedModel back = ModelFiles.open(pth, Optional.of(network));
      assertThat(back.weights().tensors()).isNotEmpty();
      // Names and shapes do not tell the forms of a ResNet apart.
      if (!network.contains(":")) {
        assertThat(KnownNetworks.identify(WeightFiles.read(pth)).map(a -> a.id()))
            .contains(network);
      }
    }
  }
}
