package org.jresnet.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.Precision;
import org.jresnet.base.UserError;
import org.jresnet.models.Architecture;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import org.jresnet.weights.ModelInfo;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** ONNX Runtime computes from our files what we compute, on drawn faces, for every network. */
final class OnnxExportTest {
  private static final int SIZE = Exports.SIZE;
  private static final int IMAGES = Exports.IMAGES;

  @TempDir private static Path folder;
  private static Exports exports;

  @BeforeAll
  static void draw() throws Exception {
    exports = new Exports(folder.resolve("faces"));
  }

  static List<Architecture> networks() {
    return Architecture.all();
  }

  @ParameterizedTest
  @MethodSource("networks")
  void givesOurLogits(Architecture network) throws Exception {
    LoadedModel loaded = Exports.model(network, folder.resolve("model.safetensors"));
    float[] expected = exports.logits(loaded);
    float[] images = exports.normalized(ModelFiles.normalization(loaded.info()));
    for (OnnxOptions options : variants()) {
      Path file = folder.resolve("model.onnx");
      OnnxExport.Written written = OnnxExport.write(loaded, options, file);
      assertThat(written.bytes()).isEqualTo(Files.size(file));
      try (OnnxRun run = new OnnxRun(file)) {
        Map<String, float[]> outputs =
            options.input() == OnnxOptions.Input.PIXELS
                ? run.bytes(exports.pixels(), IMAGES, SIZE, SIZE, 3)
                : run.floats(images, IMAGES, 3, SIZE, SIZE);
        // fp16: weights and activations rounded to 11 bits, layer after layer.
        double bound = options.precision() == Precision.FP16 ? 1e-2 : 1e-4;
        assertThat(Exports.error(outputs.get(OnnxExport.LOGITS), expected))
            .as("%s %s", network, options)
            .isLessThan(bound);
        if (options.output() == OnnxOptions.Output.PROBABILITIES) {
          assertThat(
                  Exports.error(outputs.get(OnnxExport.PROBABILITIES), Exports.softmax(expected)))
              .as("%s %s", network, options)
              .isLessThan(bound);
        } else {
          assertThat(outputs.keySet()).containsExactly(OnnxExport.LOGITS);
        }
      }
    }
  }

  private static List<OnnxOptions> variants() {
    OnnxOptions fp32 = OnnxOptions.DEFAULT;
    OnnxOptions all =
        fp32.withInput(OnnxOptions.Input.PIXELS).withOutput(OnnxOptions.Output.PROBABILITIES);
    return List.of(
        fp32,
        fp32.withNorms(OnnxOptions.Norms.KEPT).withBatch(IMAGES),
        all.withOpset(OnnxOptions.NEWEST_OPSET),
        all.withPrecision(Precision.FP16).withOpset(17));
  }

  @Test
  void describesTheModel() throws Exception {
    LoadedModel loaded =
        Exports.model(Architecture.of("resnet18"), folder.resolve("described.safetensors"));
    Path file = folder.resolve("described.onnx");
    OnnxExport.write(loaded, OnnxOptions.DEFAULT, file);
    try (OnnxRun run = new OnnxRun(file)) {
      Map<String, String> metadata = run.metadata();
      assertThat(ModelInfo.of(metadata)).contains(loaded.info());
      assertThat(metadata).containsEntry("jresnet.precision", "fp32");
    }
  }

  @Test
  void refusesInt8WithoutRangesAndWritesNothing() {
    LoadedModel loaded =
        Exports.model(Architecture.of("resnet18"), folder.resolve("m.safetensors"));
    Path file = folder.resolve("int8.onnx");
    assertThatThrownBy(
            () -> OnnxExport.write(loaded, OnnxOptions.DEFAULT.withPrecision(Precision.INT8), file))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("no ranges")
        .hasMessageContaining("jresnet quantize");
    assertThat(file).doesNotExist();
  }

  @Test
  void refusesWhatDoesNotGoTogether() {
    List<String> messages = new ArrayList<>();
    for (Runnable wrong :
        List.<Runnable>of(
            () -> OnnxOptions.DEFAULT.withOpset(12),
            () -> OnnxOptions.DEFAULT.withOpset(22),
            () -> OnnxOptions.DEFAULT.withPrecision(Precision.BF16),
            () -> OnnxOptions.DEFAULT.withBatch(0),
            () ->
                OnnxOptions.DEFAULT
                    .withNorms(OnnxOptions.Norms.KEPT)
                    .withPrecision(Precision.FP16))) {
      assertThatThrownBy(wrong::run)
          .isInstanceOf(UserError.class)
          .satisfies(e -> messages.add(e.getMessage()));
    }
    assertThat(messages).doesNotHaveDuplicates();
  }
}
