package org.jresnet.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;
import org.jresnet.backend.Precision;
import org.jresnet.base.ProtoMessage;
import org.jresnet.base.UserError;
import org.jresnet.models.Architecture;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.ModelInfo;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Weights come back from our own ONNX files and from those of torch's exporters. */
final class OnnxImportTest {
  private static final String REGENERATE = "made by: python tools/fixtures_onnx.py";

  @TempDir private static Path folder;
  private static Exports exports;

  @BeforeAll
  static void draw() throws Exception {
    exports = new Exports(folder.resolve("faces"));
  }

  static Path fixture(String name) throws URISyntaxException {
    var url = OnnxImportTest.class.getResource("/fixtures/onnx/" + name);
    assertThat(url).as(name + ", " + REGENERATE).isNotNull();
    return Path.of(url.toURI());
  }

  private static LoadedModel loaded(StateDict dict) {
    ModelInfo info = ModelInfo.of(dict.metadata()).orElseThrow();
    return new LoadedModel("imported", info, dict, ModelFiles.preprocess(info));
  }

  @ParameterizedTest
  @MethodSource({"org.jresnet.export.Exports#forms", "org.jresnet.export.Exports#variants"})
  void whatWeWriteComesBack(Architecture network) throws Exception {
    LoadedModel original = Exports.model(network, folder.resolve("m.safetensors"));
    float[] expected = exports.logits(original);
    Path file = folder.resolve("m.onnx");
    OnnxExport.write(original, OnnxOptions.DEFAULT.withNorms(OnnxOptions.Norms.KEPT), file);
    StateDict kept = OnnxImport.read(file, Optional.of(network));
    assertThat(kept.notes()).isEmpty();
    assertThat(ModelInfo.of(kept.metadata())).contains(original.info());
    assertThat(kept.tensors().keySet()).isEqualTo(original.weights().tensors().keySet());
    original
        .weights()
        .tensors()
        .forEach(
            (name, tensor) -> {
              if (!name.endsWith("num_batches_tracked")) {
                assertThat(kept.tensors().get(name)).as(name).isEqualTo(tensor);
              }
            });
    OnnxExport.write(original, OnnxOptions.DEFAULT, file);
    StateDict folded = OnnxImport.read(file, Optional.empty());
    assertThat(folded.notes()).singleElement().asString().contains("folded");
    assertThat(Exports.error(exports.logits(loaded(folded)), expected)).isLessThan(1e-4);
    OnnxOptions half =
        OnnxOptions.DEFAULT
            .withPrecision(Precision.FP16)
            .withInput(OnnxOptions.Input.PIXELS)
            .withOutput(OnnxOptions.Output.PROBABILITIES);
    OnnxExport.write(original, half, file);
    StateDict rounded = OnnxImport.read(file, Optional.empty());
    // Weights rounded to 11 bits.
    assertThat(Exports.error(exports.logits(loaded(rounded)), expected)).isLessThan(1e-2);
  }

  @ParameterizedTest
  @CsvSource({
    "resnet18, resnet18.script.onnx",
    "resnet18, resnet18.opset11.onnx",
    "resnet18, resnet18.dynamo.onnx",
    "resnet50, resnet50.script.onnx",
    "resnet50, resnet50.dynamo.onnx",
    "shufflenet_v2_x1_0, shufflenet_v2_x1_0.script.onnx",
    "shufflenet_v2_x1_0, shufflenet_v2_x1_0.dynamo.onnx"
  })
  void whatTorchWritesGivesTheSameLogits(String network, String name) throws Exception {
    Path file = fixture(name);
    StateDict dict = OnnxImport.read(file, Optional.of(Architecture.of(network)));
    LoadedModel imported = loaded(dict);
    assertThat(imported.info().classes()).containsExactly("0", "1", "2");
    LoadedModel sized = imported.withPreprocess(Exports.preprocess());
    float[] ours = exports.logits(sized);
    float[] images = exports.normalized(ModelFiles.normalization(imported.info()));
    int each = images.length / Exports.IMAGES;
    int size = Exports.SIZE;
    float[] theirs = new float[ours.length];
    OnnxModel model = OnnxModel.read(java.nio.ByteBuffer.wrap(Files.readAllBytes(file)));
    try (OnnxRun run = new OnnxRun(file)) {
      for (int i = 0; i < Exports.IMAGES; i++) {
        float[] one = java.util.Arrays.copyOfRange(images, i * each, (i + 1) * each);
        float[] logits =
            run.floats(model.inputs().get(0), one, 1, 3, size, size).get(model.outputs().get(0));
        System.arraycopy(logits, 0, theirs, i * 3, 3);
      }
    }
    assertThat(Exports.error(ours, theirs)).isLessThan(1e-4);
  }

  @Test
  void anotherNetworkIsRefusedByItsFirstDifference() throws Exception {
    assertRefused(
        fixture("resnet18.script.onnx"), "resnet34", "is no resnet34", "layer4.0.relu (relu)");
    assertRefused(fixture("resnet50.script.onnx"), "resnet18", "is no resnet18", "layer4.1");
    assertThatThrownBy(() -> OnnxImport.read(fixture("resnet18.script.onnx"), Optional.empty()))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("--model");
  }

  private static void assertRefused(Path file, String network, String... texts) {
    assertThatThrownBy(() -> OnnxImport.read(file, Optional.of(Architecture.of(network))))
        .isInstanceOf(UserError.class)
        .satisfies(e -> assertThat(e.getMessage()).contains(texts));
  }

  @Test
  void weightsInAnotherFileMustLieBesideIt() throws Exception {
    Path alone = folder.resolve("alone.onnx");
    Files.copy(fixture("resnet18.dynamo.onnx"), alone);
    assertRefused(alone, "resnet18", "resnet18.dynamo.onnx.data, which is not there");
    byte[] moved = Files.readAllBytes(alone);
    String elsewhere = new String(moved, java.nio.charset.StandardCharsets.ISO_8859_1);
    Path hostile = folder.resolve("hostile.onnx");
    Files.write(
        hostile,
        elsewhere
            .replace("resnet18.dynamo.onnx.data", "../../../../../etc/passwd")
            .getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
    assertRefused(hostile, "resnet18", "expected a file in the same folder");
    Path data = folder.resolve("resnet18.dynamo.onnx.data");
    Files.write(data, new byte[100]);
    assertRefused(alone, "resnet18", "that file has 100; it is truncated");
  }

  @Test
  void damageIsAnErrorAndNeverACrash() throws Exception {
    byte[] good = Files.readAllBytes(fixture("resnet50.script.onnx"));
    Path file = folder.resolve("damaged.onnx");
    Random random = new Random(6);
    int refused = 0;
    for (int i = 0; i < 200; i++) {
      byte[] bytes = good.clone();
      if (i % 2 == 0) {
        bytes = java.util.Arrays.copyOf(good, random.nextInt(good.length));
      } else {
        for (int k = 0; k < 20; k++) {
          bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
        }
      }
      Files.write(file, bytes);
      try {
        OnnxImport.read(file, Optional.of(Architecture.of("resnet50")));
      } catch (UserError e) {
        assertThat(e.getMessage()).contains(file.toString());
        refused++;
      }
    }
    // Every truncated one, and most of the others.
    assertThat(refused).isGreaterThan(100);
  }

  @Test
  void unknownOpsetsAreRefused() throws Exception {
    Path file = folder.resolve("newer.onnx");
    byte[] newer =
        new ProtoMessage()
            .message(7, new ProtoMessage().text(2, "g"))
            .message(8, new ProtoMessage().text(1, "").number(2, 99))
            .toBytes();
    Files.write(file, newer);
    assertRefused(file, "resnet18", "has opset 99; jresnet reads 11 to 23");
  }

  @Test
  void convertsToSafetensors() throws IOException, URISyntaxException {
    StateDict dict =
        OnnxImport.read(fixture("resnet18.dynamo.onnx"), Optional.of(Architecture.of("resnet18")));
    Path file = folder.resolve("converted.safetensors");
    WeightFiles.write(file, dict);
    StateDict again = WeightFiles.read(file);
    assertThat(again.tensors()).isEqualTo(dict.tensors());
    HostTensor gamma = again.tensors().get("bn1.weight");
    assertThat(gamma.toFloats()[0]).isEqualTo((float) Math.sqrt(1 + 1e-5));
  }
}
