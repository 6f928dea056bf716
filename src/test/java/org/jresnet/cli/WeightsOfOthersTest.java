package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.jresnet.backend.Precision;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.data.Preprocess;
import org.jresnet.engine.Model;
import org.jresnet.models.Architecture;
import org.jresnet.train.ModelFiles;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.ModelInfo;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files that other programs wrote, or that are damaged, on the command line. */
class WeightsOfOthersTest {
  private static final ModelInfo INFO =
      ModelFiles.info(
          Architecture.of("resnet18"),
          8,
          List.of("a", "b"),
          new Preprocess(32, Preprocess.Mode.STRETCH));

  @TempDir private Path folder;

  private static StateDict network() {
    try (Model model =
        new Model(
            Architecture.of("resnet18").graph(2, 8), new ReferenceBackend(), Precision.FP64)) {
      model.initialize(1, Model.BlockEnd.ONE);
      return ModelFiles.stateDict(model, INFO.toMetadata());
    }
  }

  private Path write(String name, Map<String, HostTensor> tensors) {
    Path file = folder.resolve(name);
    WeightFiles.write(file, new StateDict(tensors, Map.of()));
    return file;
  }

  @Test
  void convertRemovesPrefixesThatNotAllNamesShare() {
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    tensors.put("n_averaged", HostTensor.ofLongs(List.of(), 7));
    network().tensors().forEach((name, t) -> tensors.put("model." + name, t));
    Path target = folder.resolve("out.safetensors");
    Cli.Result result = jresnet("convert", write("w.pth", tensors), target);
    assertThat(result.code()).isZero();
    assertThat(result.err())
        .contains("removed the prefix 'model.' from 122 names, left out the others: n_averaged")
        .doesNotContain("Warning");
    assertThat(WeightFiles.read(target).tensors()).isEqualTo(network().tensors());
  }

  @Test
  void convertWarnsOfWhatIsNoKnownNetwork() {
    Path file =
        write("w.pth", Map.of("encoder.weight", HostTensor.ofFloats(List.of(1L), new float[1])));
    Cli.Result result = jresnet("convert", file, folder.resolve("out.safetensors"));
    assertThat(result.code()).isZero();
    assertThat(result.err())
        .contains("Warning: what was taken from")
        .contains("is no network that jresnet knows (resnet18,")
        .contains("1 tensors, among them encoder.weight");
  }

  @ParameterizedTest
  @CsvSource({
    "bn1.running_var, -5, bn1.running_var (running variance of a batch norm) is -5.0 at [0]",
    "fc.weight, NaN, 'fc.weight (matrix of a linear layer) is NaN at [0, 0]'",
    "fc.weight, Infinity, 'fc.weight (matrix of a linear layer) is Infinity at [0, 0]'",
    "fc.weight, 3e38, the output of fc",
  })
  void noCommandComputesWithWhatIsNoNumber(String name, float value, String message)
      throws IOException {
    Map<String, HostTensor> tensors = new LinkedHashMap<>(network().tensors());
    float[] values = tensors.get(name).toFloats();
    java.util.Arrays.fill(values, value);
    tensors.put(name, HostTensor.ofFloats(tensors.get(name).shape(), values));
    Path model = folder.resolve("m.safetensors");
    WeightFiles.write(model, new StateDict(tensors, INFO.toMetadata()));
    for (String c : List.of("a", "b")) {
      Files.createDirectories(folder.resolve("data").resolve(c));
      for (int i = 0; i < 4; i++) {
        BufferedImage image = new BufferedImage(32, 32, BufferedImage.TYPE_INT_RGB);
        image.setRGB(i, i, 0xffffff);
        ImageIO.write(image, "png", folder.resolve("data/" + c + "/" + i + ".png").toFile());
      }
    }
    Path data = folder.resolve("data");
    for (Cli.Result result :
        List.of(
            jresnet("predict", model, data.resolve("a/0.png"), "--backend", "cpu"),
            jresnet("evaluate", model, data, "--backend", "cpu"),
            jresnet("quantize", model, data, "--out", folder.resolve("q.safetensors")))) {
      assertThat(result.code()).isEqualTo(1);
      assertThat(result.out()).doesNotContain("NaN");
      if (value < 3e38 || Float.isInfinite(value) || !result.err().contains("calibration")) {
        assertThat(result.err()).contains(message);
      }
    }
  }
}
