package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jresnet.base.Npy;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.inspect.Recording;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jresnet record} as a user meets it. */
final class RecordCommandTest {
  @TempDir private static Path folder;
  private static Path faces;
  private static Path run;
  private static Path step;

  @BeforeAll
  static void train() {
    faces = folder.resolve("faces");
    run = folder.resolve("run");
    step = folder.resolve("step.rec");
    DrawnFaces.write(faces, new DrawnFaces.Options(12, 32, 1), done -> {});
    Cli.Result trained =
        jresnet(
            "train",
            faces,
            "--out",
            run,
            "--model",
            "resnet18",
            "--width",
            4,
            "--size",
            32,
            "--epochs",
            2,
            "--batch",
            4,
            "--precision",
            "fp32",
            "--freeze",
            "bn1.*");
    assertThat(trained.code()).as(trained.err()).isZero();
    Cli.Result recorded = jresnet("record", run, faces, "--out", step, "--spectra");
    assertThat(recorded.code()).as(recorded.err()).isZero();
    assertThat(recorded.out())
        .contains("The next step of the run", "4 images", " MB", "Loss ", "Wrote " + step);
  }

  /** The step goes on where the checkpoint stands: its parameters, moments and count. */
  @Test
  void theNextStepOfARun() {
    Map<String, HostTensor> checkpoint = WeightFiles.read(run.resolve("last.ckpt")).tensors();
    try (Recording r = Recording.open(step)) {
      assertThat(r.facts().step()).isGreaterThan(2);
      assertThat(r.network().classes()).containsExactly("camera", "generated");
      assertThat(r.labels()).containsExactly(0, 1, 0, 1);
      String name = "layer4.1.conv2.weight";
      assertThat(r.values(Recording.parameter(name))).isEqualTo(checkpoint.get(name).toFloats());
      assertThat(r.values(Recording.momentBefore(2, name)))
          .isEqualTo(checkpoint.get("optimizer.1." + name).toFloats());
      assertThat(r.facts().frozen()).containsExactly("bn1.bias", "bn1.weight");
      assertThat(r.tensors())
          .doesNotContain("parameter_gradient/bn1.weight", "batch_mean/bn1")
          .contains("parameter_gradient/conv1.weight", "batch_mean/layer1.0.bn1");
    }
  }

  @Test
  void replayIsEqualToTheByte() {
    Cli.Result replayed = jresnet("record", "--replay", step);
    assertThat(replayed.code()).as(replayed.out() + replayed.err()).isZero();
    assertThat(replayed.out()).contains("tensors are equal to the byte");
  }

  @Test
  void listsAndExports() {
    Cli.Result listed = jresnet("record", "--list", step);
    assertThat(listed.code()).as(listed.err()).isZero();
    assertThat(listed.out()).contains("output/layer1.0.conv1", "[4, 8, 8, 4]", "gradient/input");
    Path npy = folder.resolve("conv.npy");
    Path tensor = folder.resolve("conv.safetensors");
    String name = "output/layer1.0.conv1";
    assertThat(jresnet("record", "--export", name, step, "--out", npy).code()).isZero();
    assertThat(jresnet("record", "--export", name, step, "--out", tensor).code()).isZero();
    try (Recording r = Recording.open(step)) {
      assertThat(Npy.read(npy).floats()).isEqualTo(r.values(name));
      assertThat(Npy.read(npy).shape()).containsExactly(4, 8, 8, 4);
      assertThat(WeightFiles.read(tensor).tensors().get(name)).isEqualTo(r.tensor(name));
    }
    Cli.Result unknown =
        jresnet(
            "record", "--export", "output/layer1.0.conv7", step, "--out", folder.resolve("x.npy"));
    assertThat(unknown.code()).isEqualTo(1);
    assertThat(unknown.err()).contains("near are output/layer1.0.conv1");
  }

  @Test
  void aNarrowNetworkWithRandomWeights() throws Exception {
    Path image = faces.resolve("camera/00000.jpg");
    Path file = folder.resolve("narrow.rec");
    List<Object> command =
        List.of(
            "record",
            "--model",
            "resnet50",
            "--width",
            4,
            "--classes",
            3,
            "--size",
            64,
            image,
            "--label",
            2,
            "--nodes",
            "conv1,layer1.0.*",
            "--half",
            "--out",
            file);
    Cli.Result dry = jresnet(with(command, "--dry-run"));
    assertThat(dry.code()).as(dry.err()).isZero();
    assertThat(dry.out()).contains("half precision").doesNotContain("Wrote");
    assertThat(file).doesNotExist();
    Cli.Result recorded = jresnet(command.toArray());
    assertThat(recorded.code()).as(recorded.err()).isZero();
    try (Recording r = Recording.open(file)) {
      assertThat(r.facts().nodes())
          .contains("conv1", "layer1.0.conv3")
          .doesNotContain("layer1.1.bn1");
      assertThat(r.facts().images()).containsExactly("00000.jpg");
      assertThat(r.shape("output/conv1")).containsExactly(1L, 32L, 32L, 4L);
    }
    assertThat(jresnet(command.toArray()).err()).contains("exists; use --overwrite");
    assertThat(jresnet("record", "--replay", file).code()).isZero();
  }

  private static Object[] with(List<Object> command, Object more) {
    Object[] all = command.toArray(new Object[command.size() + 1]);
    all[command.size()] = more;
    return all;
  }

  @Test
  void inferenceOfTheBestWeights() {
    Path file = folder.resolve("inference.rec");
    Cli.Result recorded =
        jresnet("record", run, faces.resolve("camera/00001.jpg"), "--inference", "--out", file);
    assertThat(recorded.code()).as(recorded.err()).isZero();
    Map<String, HostTensor> best = WeightFiles.read(run.resolve("best.safetensors")).tensors();
    try (Recording r = Recording.open(file)) {
      assertThat(r.facts().training()).isFalse();
      assertThat(r.labels()).isEmpty();
      assertThat(r.tensor("parameter/conv1.weight")).isEqualTo(best.get("conv1.weight"));
    }
  }

  @Test
  void saysWhatIsWrong() throws Exception {
    Path out = folder.resolve("wrong.rec");
    Path image = faces.resolve("camera/00002.jpg");
    assertWrong("needs the true class", "record", run, image, "--out", out);
    assertWrong("[camera, generated]", "record", run, image, "--label", "fake", "--out", out);
    assertWrong(
        "near are layer1.0.bn1", "record", run, faces, "--nodes", "layer1.0.bn9", "--out", out);
    assertWrong("--out", "record", run, faces);
    assertWrong("at least one image", "record", run, "--out", out);
    assertWrong("best.safetensors", "record", run, faces, "--backend", "reference", "--out", out);
    assertWrong("no recording", "record", "--list", run.resolve("best.safetensors"));
    Path cut = folder.resolve("cut.rec");
    byte[] bytes = Files.readAllBytes(step);
    Files.write(cut, Arrays.copyOf(bytes, bytes.length / 2));
    assertWrong("truncated", "record", "--replay", cut);
    assertThat(out).doesNotExist();
  }

  private static void assertWrong(String expected, Object... command) {
    Cli.Result result = jresnet(command);
    assertThat(result.code()).isBetween(1, 2);
    assertThat(result.err()).contains(expected);
  }
}
