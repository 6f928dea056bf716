package org.jresnet.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.Precision;
import org.jresnet.base.Json;
import org.jresnet.base.UserError;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Activation.Function;
import org.jresnet.graph.AvgPool;
import org.jresnet.graph.ChannelShuffle;
import org.jresnet.graph.ChannelSlice;
import org.jresnet.graph.Concat;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.ConvTranspose2d;
import org.jresnet.graph.Dropout;
import org.jresnet.graph.Graph;
import org.jresnet.graph.MaxUnpool;
import org.jresnet.graph.Multiply;
import org.jresnet.graph.Op;
import org.jresnet.graph.Scale;
import org.jresnet.graph.Upsample;
import org.jresnet.models.Architecture;
import org.jresnet.testing.SeededWeights;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import org.jresnet.weights.ModelInfo;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
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
    compare(network, List.of(OnnxOptions.DEFAULT));
  }

  @ParameterizedTest
  @MethodSource({"org.jresnet.export.Exports#forms", "org.jresnet.export.Exports#variants"})
  void givesOurLogitsInEveryWay(Architecture network) throws Exception {
    compare(network, variants());
  }

  private void compare(Architecture network, List<OnnxOptions> variants) throws Exception {
    LoadedModel loaded = Exports.model(network, folder.resolve("model.safetensors"));
    float[] expected = exports.logits(loaded);
    float[] images = exports.normalized(ModelFiles.normalization(loaded.info()));
    for (OnnxOptions options : variants) {
      Path file = folder.resolve("model.onnx");
      OnnxExport.Written written = OnnxExport.write(loaded, options, file);
      assertThat(written.bytes()).isEqualTo(Files.size(file));
      try (OnnxRun run = new OnnxRun(file)) {
        Map<String, float[]> outputs =
            options.input() == OnnxOptions.Input.PIXELS
                ? run.bytes(exports.pixels(), IMAGES, SIZE, SIZE, 3)
                : run.floats(images, IMAGES, 3, SIZE, SIZE);
        // fp16: weights and activations rounded to 11 bits, layer after layer; 0.001 to 0.023 were
        // seen, the most in RegNet.
        double bound = options.precision() == Precision.FP16 ? 5e-2 : 1e-4;
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
        fp32.withNorms(OnnxOptions.Norms.KEPT).withBatch(IMAGES),
        all.withOpset(OnnxOptions.NEWEST_OPSET),
        all.withPrecision(Precision.FP16).withOpset(17));
  }

  @Test
  void describesTheModel() throws Exception {
    LoadedModel loaded =
        Exports.model(Architecture.of("resnet18"), folder.resolve("described.safetensors"));
    Path file = folder.resolve("described.onnx");
    OnnxExport.Written written = OnnxExport.write(loaded, OnnxOptions.DEFAULT, file);
    try (OnnxRun run = new OnnxRun(file)) {
      Map<String, String> metadata = run.metadata();
      assertThat(ModelInfo.of(metadata)).contains(loaded.info());
      assertThat(metadata).containsEntry("jresnet.precision", "fp32");
      Parity parity = Json.parse("the parity", metadata.get("jresnet.parity"), Parity.class);
      assertThat(parity).isEqualTo(written.parity());
      assertThat(parity.largestDifference()).isBetween(0.0, 1e-4 * parity.largestLogit());
      assertThat(parity.logits()).hasSize(2).allMatch(logits -> logits.size() == 3);
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
    LoadedModel foreign = loaded.withInfo(loaded.info().withRanges(Map.of("features.0.0", 1f)));
    assertThatThrownBy(
            () ->
                OnnxExport.write(foreign, OnnxOptions.DEFAULT.withPrecision(Precision.INT8), file))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("of another network: resnet18 has no nodes [features.0.0]");
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

  /** An int8 file gives nearly the logits of fp32, and its weights come back, rounded. */
  @ParameterizedTest
  @MethodSource("org.jresnet.export.Exports#forms")
  void int8GivesNearlyOurLogits(Architecture network) throws Exception {
    LoadedModel loaded = exports.calibrated(network, folder.resolve("q.safetensors"));
    float[] expected = exports.logits(loaded);
    Path file = folder.resolve("q.onnx");
    OnnxExport.Written written =
        OnnxExport.write(loaded, OnnxOptions.DEFAULT.withPrecision(Precision.INT8), file);
    Parity parity = written.parity();
    assertThat(parity.largestDifference() / parity.largestLogit()).isBetween(1e-6, 0.05);
    try (OnnxRun run = new OnnxRun(file)) {
      float[] images = exports.normalized(ModelFiles.normalization(loaded.info()));
      float[] found = run.floats(images, IMAGES, 3, SIZE, SIZE).get(OnnxExport.LOGITS);
      // Seeded weights are harder than trained ones: 0.002 to 0.043 were seen in ResNets, up to
      // 0.12 in inverted residuals, where nothing rectifies what is added.
      assertThat(Exports.error(found, expected)).isLessThan(0.15);
    }
  }

  /** Every op that a network can have, whether or not one of today has it. */
  private static Graph everyOp() {
    Graph.Builder g = Graph.builder("every", 3);
    int x = g.add("a.conv", new Conv2d(3, 16, 3, 2, 1).biased(), 0);
    x = g.add("a.bn", new Op.BatchNorm(16, 1e-5, 0.1), x);
    x = g.add("a.act", new Activation(Function.HARD_SWISH), x);
    x = g.add("b.conv", new Conv2d(16, 16, 5, 1, 2).grouped(16), x);
    x = g.add("b.bn", new Op.BatchNorm(16, 1e-3, 0.1), x);
    x = g.add("b.act", new Activation(Function.SILU), x);
    int s = g.add("se.pool", new Op.GlobalAvgPool(), x);
    s = g.add("se.fc1", new Conv2d(16, 4, 1, 1, 0).biased(), s);
    s = g.add("se.act", new Activation(Function.RELU6), s);
    s = g.add("se.fc2", new Conv2d(4, 16, 1, 1, 0).biased(), s);
    s = g.add("se.gate", new Activation(Function.HARD_SIGMOID), s);
    x = g.add("se.scaled", new Multiply(), x, s);
    int left = g.add("left", new ChannelSlice(0, 8), x);
    int right = g.add("right", new ChannelSlice(8, 8), x);
    right = g.add("c.conv", new Conv2d(8, 8, 3, 1, 2).dilated(2), right);
    right = g.add("c.act", new Activation(Function.LEAKY_RELU, 0.1), right);
    x = g.add("joined", new Concat(2), left, right);
    x = g.add("shuffled", new ChannelShuffle(2), x);
    x = g.add("drop", new Dropout(0.2, Dropout.Unit.ELEMENT), x);
    x = g.add("max", new Op.MaxPool(3, 2, 1), x);
    int up = g.add("up", new ConvTranspose2d(16, 16, 3, 2, 1).padded(1, 1).biased(), x);
    int wide = g.add("wide", new Upsample(2), x);
    x = g.add("sum", new Op.Add(), up, wide);
    x = g.add("avg", new AvgPool(3, 2, 1, AvgPool.Divisor.PIXELS), x);
    x = g.add("mean", new AvgPool(2, 2, 0), x);
    x = g.add("halved", new Scale(0.5), x);
    // A norm that no convolution can take.
    x = g.add("d.bn", new Op.BatchNorm(16, 1e-5, 0.1), x);
    x = g.add("d.act", new Activation(Function.SIGMOID), x);
    x = g.add("pool", new Op.GlobalAvgPool(), x);
    x = g.add("fc1", new Op.Linear(16, 8), x);
    x = g.add("fc1.act", Activation.relu(), x);
    g.add("fc2", new Op.Linear(8, 3), x);
    return g.build();
  }

  @ParameterizedTest
  @EnumSource(OnnxOptions.Norms.class)
  void everyOpIsWritten(OnnxOptions.Norms norms) throws Exception {
    Graph graph = everyOp();
    Normalization normalization = ModelFiles.normalization(Architecture.of(Architecture.DEFAULT));
    float[] expected;
    Map<String, float[]> parameters = new SeededWeights(2, SeededWeights.Filters.FAN_IN).of(graph);
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32);
        Model model = new Model(graph, compute.backend(), Precision.FP32)) {
      parameters.forEach(model::set);
      try (Executable executable =
          Executable.compile(model, CompileOptions.inference(IMAGES, SIZE, normalization))) {
        expected = executable.infer(exports.pixels()).clone();
      }
    }
    OnnxExport.Source source =
        new OnnxExport.Source(graph, SIZE, normalization, parameters::get, Map.of(), 1);
    OnnxOptions options = OnnxOptions.DEFAULT.withNorms(norms);
    Path file = folder.resolve("every.onnx");
    Files.write(file, OnnxExport.model(OnnxExport.graph(source, options), options).toBytes());
    try (OnnxRun run = new OnnxRun(file)) {
      float[] images = exports.normalized(normalization);
      assertThat(
              Exports.error(
                  run.floats(images, IMAGES, 3, SIZE, SIZE).get(OnnxExport.LOGITS), expected))
          .isLessThan(1e-4);
    }
  }

  @Test
  void anOpThatOnnxFilesDoNotHoldIsNamed() {
    Graph.Builder g = Graph.builder("unpooling", 3);
    int x = g.add("down", new Op.MaxPool(2, 2, 0), 0);
    x = g.add("undo", new MaxUnpool(2, 2, 0), x, 0);
    x = g.add("pool", new Op.GlobalAvgPool(), x);
    g.add("fc", new Op.Linear(3, 2), x);
    Graph graph = g.build();
    Normalization normalization = ModelFiles.normalization(Architecture.of(Architecture.DEFAULT));
    OnnxExport.Source source =
        new OnnxExport.Source(graph, 8, normalization, name -> new float[6], Map.of(), 1);
    assertThatThrownBy(() -> OnnxExport.graph(source, OnnxOptions.DEFAULT))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("its node undo is a maxunpool");
  }
}
