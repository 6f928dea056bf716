package org.jresnet.detect.fingerprint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.UpdateRule;
import org.jresnet.base.UserError;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.RgbImage;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Parameter;
import org.jresnet.loss.Objective;
import org.jresnet.models.Autoencoder;
import org.jresnet.testing.TestBackends;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The autoencoder beside PyTorch's, its training, and what it does to a folder. */
final class RemoverTest {
  private static final Graph SMALL = Autoencoder.graph(4, 4);
  private static final CompileOptions.Images IMAGES =
      new CompileOptions.Images(2, 20, 14, Remover.UNIT);
  private static final RemoverOptions OPTIONS = new RemoverOptions(16, 4, 3, 3e-3, 4, 4, 5);

  @TempDir Path folder;

  /** Made by tools/fixtures_autoencoder.py. */
  private static StateDict fixture() {
    try {
      return WeightFiles.read(
          Path.of(
              RemoverTest.class.getResource("/fixtures/autoencoder/small.safetensors").toURI()));
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static float[] floats(StateDict fixture, String key) {
    return fixture.tensors().get(key).toFloats();
  }

  /** Relative to the largest expected value. */
  private static void assertNear(String what, float[] actual, float[] expected, double bound) {
    assertThat(actual).as(what).hasSameSizeAs(expected);
    double largest = 0;
    for (float e : expected) {
      largest = Math.max(largest, Math.abs(e));
    }
    assertThat(largest).as(what).isPositive();
    for (int i = 0; i < expected.length; i++) {
      assertThat((double) actual[i])
          .as("%s, element %s", what, i)
          .isCloseTo(expected[i], within(bound * largest));
    }
  }

  /**
   * The bound of the reference is that of the file, whose numbers are floats; fp32 adds its own
   * rounding over eight layers.
   */
  @ParameterizedTest
  @CsvSource({"reference, fp64, 1e-6", "cpu, fp32, 2e-5", "gpu, fp32, 2e-5"})
  void outputGradientsAndStepsAreTorchs(String name, String precision, double bound) {
    StateDict fixture = fixture();
    float[] values = floats(fixture, "pixels");
    byte[] pixels = new byte[values.length];
    float[] targets = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      pixels[i] = (byte) (int) values[i];
      targets[i] = values[i] / 255;
    }
    try (Backend backend = TestBackends.open(name);
        Model model = new Model(SMALL, backend, Precision.of(precision))) {
      for (Parameter p : SMALL.parameters()) {
        model.set(p.name(), floats(fixture, "weight/" + p.name()));
      }
      try (Executable inference =
          Executable.compile(model, CompileOptions.of(Pass.INFERENCE, IMAGES))) {
        assertNear("output", inference.infer(pixels), floats(fixture, "output"), bound);
      }
      CompileOptions training =
          CompileOptions.of(Pass.TRAINING, IMAGES).withObjective(new Objective.MeanSquaredError());
      try (Executable step = Executable.compile(model, training);
          OptimizerState adam =
              new OptimizerState(model, new UpdateRule.Adam(0.9, 0.999, 1e-8, 0), Set.of())) {
        double loss = step.step(pixels, targets);
        float expected = floats(fixture, "loss")[0];
        assertThat(loss).isCloseTo(expected, within(bound * expected));
        for (Parameter p : SMALL.parameters()) {
          float[] gradient = model.gradient(p.name()).toFloats();
          assertNear(p.name(), gradient, floats(fixture, "gradient/" + p.name()), bound);
        }
        float[] losses = floats(fixture, "adam/loss");
        for (int i = 0; i < losses.length; i++) {
          loss = step.step(pixels, targets);
          assertThat(loss).as("step %s", i).isCloseTo(losses[i], within(10 * bound * losses[i]));
          adam.step(1e-3, 1);
        }
        assertThat(losses).hasSize(5);
      }
    }
  }

  @Test
  void thePapersNetworkHasItsShape() {
    Graph graph = Autoencoder.graph(Autoencoder.WIDTH, Autoencoder.LATENT);
    assertThat(graph.shapes(1, 224, 224).get(graph.node("conv4.relu").index()).elements())
        .isEqualTo(28 * 28 * 32);
    assertThat(graph.shapes(1, 224, 224).get(graph.output().index()))
        .isEqualTo(new org.jresnet.graph.Shape(1, 224, 224, 3));
    // Both halves have 3·32, 32·64, 64·128 and 128·32 filters of 9 weights, and their biases.
    long filters = 3 * 32 + 32 * 64 + 64 * 128 + 128 * 32;
    assertThat(graph.parameterCount())
        .isEqualTo(2 * 9 * filters + (32 + 64 + 128 + 32) + (128 + 64 + 32 + 3));
    assertThatThrownBy(() -> graph.shapes(1, 7, 16)).isInstanceOf(UserError.class);
  }

  private List<Path> faces(int images) {
    Path faces = folder.resolve("faces");
    if (!Files.exists(faces)) {
      DrawnFaces.write(faces, new DrawnFaces.Options(images, 32, 1), done -> {});
    }
    return ImageFolder.images(List.of(faces.resolve(DrawnFaces.CAMERA)));
  }

  private static final RemoverTraining.Listener NOBODY =
      new RemoverTraining.Listener() {
        @Override
        public void batchDone(int epoch, int batch, int batches, double error) {}

        @Override
        public void epochDone(int epoch, double train, double heldOut, boolean best) {}
      };

  private boolean train(RemoverOptions options, Path out, boolean resume, BooleanSupplier stop) {
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32)) {
      return new RemoverTraining(options, faces(22), out, compute, NOBODY, stop).run(resume);
    }
  }

  @Test
  void itLearnsToDrawAndKeepsNamesAndSizes() throws Exception {
    Path out = folder.resolve("ae");
    RemoverOptions larger = new RemoverOptions(32, 4, 40, 4e-3, 8, 8, 5);
    assertThat(train(larger, out, false, () -> false)).isTrue();
    Path fakes = Files.createDirectories(folder.resolve("fakes/below"));
    Path large = fakes.resolve("one.jpg");
    Files.copy(faces(22).get(0), large);
    Files.writeString(fakes.resolve("broken.jpg"), "no image");
    Path to = folder.resolve("removed");
    Removal removal = new Removal(folder.resolve("fakes"), to, Optional.empty());
    assertThat(removal.images()).isEqualTo(2);
    Removal.Result result;
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32);
        Remover remover = Remover.open(out, compute)) {
      result = removal.run(remover, done -> {});
    }
    assertThat(result.failed().keySet()).containsExactly(fakes.resolve("broken.jpg"));
    RgbImage before = ImageDecoder.decode(large);
    RgbImage after = ImageDecoder.decode(to.resolve("below/one.png"));
    assertThat(after.width()).isEqualTo(32);
    assertThat(result.psnr().get(large)).isEqualTo(Remover.psnr(before, after));
    // Grey all over is below 15 dB.
    assertThat(result.mean()).isGreaterThan(16);
    assertThat(to.resolve("below/broken.png")).doesNotExist();
    assertThatThrownBy(() -> new Removal(folder.resolve("fakes"), to, Optional.empty()))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("one.png exists");
  }

  @Test
  void aTrainingThatWasStoppedGoesOnToTheSameBytes() throws IOException {
    Path whole = folder.resolve("whole");
    assertThat(train(OPTIONS, whole, false, () -> false)).isTrue();
    Path parts = folder.resolve("parts");
    int[] asked = {0};
    // Asked before every step: five batches an epoch, so this stops in the second.
    assertThat(train(OPTIONS, parts, false, () -> ++asked[0] > 7)).isFalse();
    assertThat(RemoverFile.read(parts.resolve(RemoverFile.LAST)).position().epoch()).isEqualTo(1);
    assertThat(RemoverFile.read(parts.resolve(RemoverFile.LAST)).position().batch()).isPositive();
    assertThat(train(OPTIONS, parts, true, () -> false)).isTrue();
    for (String name : List.of(RemoverFile.BEST, RemoverFile.LAST, RemoverTraining.RECORD)) {
      assertThat(parts.resolve(name)).hasSameBinaryContentAs(whole.resolve(name));
    }
    RemoverOptions other = new RemoverOptions(16, 4, 3, 1e-4, 4, 4, 5);
    assertThatThrownBy(() -> train(other, parts, true, () -> false))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("learningRate");
  }

  @Test
  void whatIsNoAutoencoderIsRefused() throws IOException {
    Path file = folder.resolve("x.safetensors");
    WeightFiles.write(file, fixture());
    assertThatThrownBy(() -> RemoverFile.read(file))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("holds no autoencoder");
    assertThatThrownBy(() -> RemoverFile.best(folder))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("is a folder without autoencoder.safetensors");
    List<Path> one = new ArrayList<>(faces(22).subList(0, 1));
    assertThatThrownBy(() -> new RemoverTraining(OPTIONS, one, folder, null, NOBODY, () -> false))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("at least 2 images");
  }

  @Test
  void psnrIsThatOfTheDefinition() {
    byte[] a = new byte[12];
    byte[] b = new byte[12];
    IntStream.range(0, 12).forEach(i -> b[i] = 10);
    RgbImage black = new RgbImage(2, 2, a);
    assertThat(Remover.psnr(black, new RgbImage(2, 2, b)))
        .isCloseTo(10 * Math.log10(255.0 * 255 / 100), within(1e-12));
    assertThat(Remover.psnr(black, black)).isInfinite();
    byte[] bytes = new byte[7 * 9 * 3];
    new Random(1).nextBytes(bytes);
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32);
        Remover remover = new Remover(compute.model(SMALL))) {
      assertThatThrownBy(() -> remover.remove(new RgbImage(7, 9, bytes)))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("found 7x9");
    }
  }
}
