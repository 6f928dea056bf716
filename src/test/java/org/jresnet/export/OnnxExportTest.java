package org.jresnet.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.Precision;
import org.jresnet.base.UserError;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Resize;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.models.Architecture;
import org.jresnet.testing.SeededWeights;
import org.jresnet.train.Classifier;
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
  private static final int SIZE = 64;
  private static final int IMAGES = 4;

  /** Networks above this many parameters are tested at a quarter of their width. */
  private static final long LARGE = 12_000_000;

  @TempDir private static Path folder;
  private static byte[] pixels;

  @BeforeAll
  static void draw() throws Exception {
    Path faces = folder.resolve("faces");
    DrawnFaces.write(faces, new DrawnFaces.Options(IMAGES / 2, SIZE, 3), done -> {});
    pixels = new byte[IMAGES * SIZE * SIZE * 3];
    List<Path> files;
    try (Stream<Path> all = Files.walk(faces)) {
      files = all.filter(f -> f.toString().endsWith(".jpg")).sorted().toList();
    }
    assertThat(files).hasSize(IMAGES);
    for (int i = 0; i < IMAGES; i++) {
      byte[] rgb =
          Resize.exactly(
                  ImageDecoder.decode(files.get(i), ImageDecoder.Options.DEFAULT),
                  SIZE,
                  SIZE,
                  org.jresnet.base.Interpolation.BILINEAR)
              .rgb();
      System.arraycopy(rgb, 0, pixels, i * rgb.length, rgb.length);
    }
  }

  static List<Architecture> networks() {
    return Architecture.all();
  }

  /** A network with seeded weights in a file. */
  static LoadedModel model(Architecture network, Path file) {
    int width = network.parameterCount() > LARGE ? network.width() / 4 : network.width();
    ModelInfo info =
        ModelFiles.info(
            network,
            width,
            List.of("camera", "generated", "neither"),
            new Preprocess(SIZE, Preprocess.Mode.STRETCH));
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32);
        Model model = new Model(network.graph(3, width), compute.backend(), Precision.FP32)) {
      new SeededWeights(11).into(model);
      ModelFiles.save(model, info, file);
    }
    return ModelFiles.open(file, Optional.empty());
  }

  static float[] logits(LoadedModel loaded) {
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32);
        Classifier classifier = Classifier.open(loaded, compute, note -> {});
        Executable executable = classifier.compile(IMAGES)) {
      return executable.infer(pixels).clone();
    }
  }

  /** Normalised as torch does it, NCHW. */
  static float[] normalized(Normalization normalization) {
    float[] images = new float[pixels.length];
    int plane = SIZE * SIZE;
    for (int i = 0; i < IMAGES; i++) {
      for (int p = 0; p < plane; p++) {
        for (int c = 0; c < 3; c++) {
          int pixel = pixels[(i * plane + p) * 3 + c] & 255;
          images[(i * 3 + c) * plane + p] = normalization.apply(c, pixel);
        }
      }
    }
    return images;
  }

  /** The largest difference, relative to the largest value that was expected. */
  static double error(float[] found, float[] expected) {
    assertThat(found).hasSameSizeAs(expected);
    double largest = 0;
    double worst = 0;
    for (int i = 0; i < expected.length; i++) {
      assertThat(Float.isFinite(expected[i])).isTrue();
      largest = Math.max(largest, Math.abs(expected[i]));
      worst = Math.max(worst, Math.abs(found[i] - (double) expected[i]));
    }
    assertThat(largest).isPositive();
    return worst / largest;
  }

  @ParameterizedTest
  @MethodSource("networks")
  void givesOurLogits(Architecture network) throws Exception {
    LoadedModel loaded = model(network, folder.resolve("model.safetensors"));
    float[] expected = logits(loaded);
    float[] images = normalized(ModelFiles.normalization(loaded.info()));
    for (OnnxOptions options : variants()) {
      Path file = folder.resolve("model.onnx");
      OnnxExport.Written written = OnnxExport.write(loaded, options, file);
      assertThat(written.bytes()).isEqualTo(Files.size(file));
      try (OnnxRun run = new OnnxRun(file)) {
        Map<String, float[]> outputs =
            options.input() == OnnxOptions.Input.PIXELS
                ? run.bytes(pixels, IMAGES, SIZE, SIZE, 3)
                : run.floats(images, IMAGES, 3, SIZE, SIZE);
        // fp16: weights and activations rounded to 11 bits, layer after layer.
        double bound = options.precision() == Precision.FP16 ? 1e-2 : 1e-4;
        assertThat(error(outputs.get(OnnxExport.LOGITS), expected))
            .as("%s %s", network, options)
            .isLessThan(bound);
        if (options.output() == OnnxOptions.Output.PROBABILITIES) {
          assertThat(error(outputs.get(OnnxExport.PROBABILITIES), softmax(expected)))
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

  static float[] softmax(float[] logits) {
    float[] probabilities = new float[logits.length];
    int classes = logits.length / IMAGES;
    for (int i = 0; i < IMAGES; i++) {
      double sum = 0;
      for (int k = 0; k < classes; k++) {
        sum += Math.exp(logits[i * classes + k]);
      }
      for (int k = 0; k < classes; k++) {
        probabilities[i * classes + k] = (float) (Math.exp(logits[i * classes + k]) / sum);
      }
    }
    return probabilities;
  }

  @Test
  void describesTheModel() throws Exception {
    LoadedModel loaded =
        model(Architecture.of("resnet18"), folder.resolve("described.safetensors"));
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
    LoadedModel loaded = model(Architecture.of("resnet18"), folder.resolve("m.safetensors"));
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
