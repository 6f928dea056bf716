package org.jresnet.export;

import static org.jresnet.export.OnnxGraph.attributes;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.Precision;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Json;
import org.jresnet.base.ProtoMessage;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.base.Version;
import org.jresnet.export.OnnxGraph.Type;
import org.jresnet.graph.Graph;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelCalibration;
import org.jresnet.train.ModelFiles;
import org.jresnet.weights.StateDict;

/**
 * Writes models as <a href="https://onnx.ai/onnx/repo-docs/IR.html">ONNX</a>.
 *
 * <pre>{@code
 * OnnxExport.write(ModelFiles.open(Path.of("runs/r1"), Optional.empty()),
 *     OnnxOptions.DEFAULT.withPrecision(Precision.FP16), Path.of("detector.onnx"));
 * }</pre>
 */
public final class OnnxExport {
  /** Name of the input, unless it takes pixels. */
  public static final String INPUT = "input";

  /** Name of the input that takes pixels. */
  public static final String PIXELS = "pixels";

  /** Name of the first output. */
  public static final String LOGITS = "logits";

  /** Name of the second output, where there is one. */
  public static final String PROBABILITIES = "probabilities";

  private static final String BATCH = "N";
  private static final String PREFIX = "jresnet.";
  private static final int LARGEST = Integer.MAX_VALUE - (1 << 20);

  /** A share of the largest logit beyond which a file in fp32 is wrong, and not rounded. */
  private static final double FAULT = 1e-3;

  private OnnxExport() {}

  /**
   * What was written.
   *
   * @param nodes of the ONNX graph
   * @param bytes of the file
   * @param parity how far its logits are from the model's
   */
  public record Written(int nodes, long bytes, Parity parity) {}

  /**
   * What is exported.
   *
   * @param parameters values by name
   * @param ranges of int8, by node
   * @param temperature that logits are divided by before softmax
   */
  record Source(
      Graph graph,
      int size,
      Normalization normalization,
      Function<String, float[]> parameters,
      Map<String, Float> ranges,
      double temperature) {}

  /**
   * Writes a model, atomically, after reading the file back and comparing its logits. The model's
   * description ({@code jresnet.classes}, {@code jresnet.size}, {@code jresnet.calibration}…) and
   * the comparison ({@code jresnet.parity}) become the file's metadata.
   *
   * @throws UserError when weights are missing, do not fit or are not finite, when int8 has no
   *     measured ranges, when a node cannot be written, or the file
   */
  public static Written write(LoadedModel loaded, OnnxOptions options, Path file) {
    if (options.precision() == Precision.INT8 && loaded.info().ranges().isEmpty()) {
      throw new UserError(
          Text.format(
              "%s has no ranges for int8; measure them first: jresnet quantize MODEL DATA --out"
                  + " FILE, and export FILE",
              loaded.source()));
    }
    Source source =
        new Source(
            loaded.graph(),
            loaded.preprocess().size(),
            ModelFiles.normalization(loaded.info()),
            ModelFiles.values(loaded),
            loaded.info().ranges(),
            ModelCalibration.of(loaded.info()).map(c -> c.temperature().value()).orElse(1.0));
    OnnxGraph graph = graph(source, options);
    ProtoMessage model = model(graph, options);
    metadata(loaded, options).forEach((key, value) -> entry(model, key, value));
    if (model.size() > LARGEST) {
      throw new UserError(
          Text.format("%s would have more than the 2 GB that an ONNX file can have", file));
    }
    StateDict readBack = OnnxImport.read(file, ByteBuffer.wrap(model.toBytes()), Optional.empty());
    Parity parity =
        Parity.of(
            loaded, new LoadedModel(file.toString(), loaded.info(), readBack, loaded.preprocess()));
    if (options.precision() == Precision.FP32
        && !(parity.largestDifference() <= FAULT * parity.largestLogit())) {
      throw new IllegalStateException(
          Text.format("%s read back gives other logits than the model: %s", file, parity));
    }
    entry(model, PREFIX + "parity", Json.line(parity));
    AtomicFile.write(file, model::write);
    return new Written(graph.operations(), model.size(), parity);
  }

  /** The model without its description. */
  static ProtoMessage model(OnnxGraph graph, OnnxOptions options) {
    ProtoMessage model = new ProtoMessage().number(1, irVersion(options.opset()));
    model.text(2, "jresnet").text(3, Version.number()).message(7, graph.message());
    return model.message(8, new ProtoMessage().text(1, "").number(2, options.opset()));
  }

  private static void entry(ProtoMessage model, String key, String value) {
    model.message(14, new ProtoMessage().text(1, key).text(2, value));
  }

  /** The version of the file format that came with a version of the operators. */
  private static int irVersion(int opset) {
    return opset <= 14 ? 7 : opset <= 18 ? 8 : opset <= 20 ? 9 : 10;
  }

  /** The graph. */
  static OnnxGraph graph(Source source, OnnxOptions options) {
    Graph network = source.graph;
    int size = source.size;
    OnnxGraph out = new OnnxGraph(network.name());
    Object batch = options.batch().isPresent() ? (Object) (long) options.batch().getAsInt() : BATCH;
    long channels = network.channels();
    String images;
    if (options.input() == OnnxOptions.Input.PIXELS) {
      out.input(PIXELS, Type.UINT8, List.of(batch, (long) size, (long) size, channels));
      images = normalized(out, source.normalization);
    } else {
      out.input(INPUT, Type.FLOAT, List.of(batch, channels, (long) size, (long) size));
      images = INPUT;
    }
    boolean half = options.precision() == Precision.FP16;
    if (half) {
      images = out.node("Cast", List.of(images), "half", to(Type.FLOAT16));
    }
    Quantization quantization =
        options.precision() == Precision.INT8
            ? Quantization.of(network, source.ranges, source.normalization, options.reduceRange())
            : Quantization.NONE;
    String last = half ? "half_logits" : LOGITS;
    new GraphWriter(network, size, source.parameters, options, quantization, out, last)
        .write(images);
    if (half) {
      out.node("Cast", List.of(last), LOGITS, to(Type.FLOAT));
    }
    List<Object> shape = List.of(batch, (long) network.classes());
    out.output(LOGITS, Type.FLOAT, shape);
    if (options.output() == OnnxOptions.Output.PROBABILITIES) {
      probabilities(out, source.temperature);
      out.output(PROBABILITIES, Type.FLOAT, shape);
    }
    return out;
  }

  private static Map<String, Object> to(Type type) {
    return attributes("to", (long) type.code());
  }

  /** {@code (x/255 − mean)/std} as {@code x·scale + shift}, per channel. */
  private static String normalized(OnnxGraph out, Normalization normalization) {
    int channels = normalization.mean().size();
    float[] scale = new float[channels];
    float[] shift = new float[channels];
    for (int c = 0; c < channels; c++) {
      double std = normalization.std().get(c);
      scale[c] = (float) (1 / (255 * std));
      shift[c] = (float) (-normalization.mean().get(c) / std);
    }
    List<Long> shape = List.of(1L, (long) channels, 1L, 1L);
    String real = out.node("Cast", List.of(PIXELS), "real", to(Type.FLOAT));
    String planes =
        out.node("Transpose", List.of(real), "planes", attributes("perm", List.of(0L, 3L, 1L, 2L)));
    String scaled =
        out.node(
            "Mul",
            List.of(planes, out.floats("pixel_scale", shape, scale, Type.FLOAT)),
            "scaled_pixels");
    return out.node(
        "Add", List.of(scaled, out.floats("pixel_shift", shape, shift, Type.FLOAT)), INPUT);
  }

  private static void probabilities(OnnxGraph out, double temperature) {
    String divisor =
        out.floats("temperature", List.of(), new float[] {(float) temperature}, Type.FLOAT);
    String cooled = out.node("Div", List.of(LOGITS, divisor), "calibrated_logits");
    out.node("Softmax", List.of(cooled), PROBABILITIES, attributes("axis", 1L));
  }

  private static Map<String, String> metadata(LoadedModel loaded, OnnxOptions options) {
    Map<String, String> metadata = new LinkedHashMap<>(loaded.info().toMetadata());
    metadata.remove("format");
    metadata.put(PREFIX + "size", Integer.toString(loaded.preprocess().size()));
    metadata.put(PREFIX + "precision", options.precision().id());
    metadata.put(PREFIX + "version", Version.number());
    return metadata;
  }
}
