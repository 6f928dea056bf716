package org.jresnet.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jresnet.backend.Precision;
import org.jresnet.base.Text;
import org.jresnet.data.ImageFolder;
import org.jresnet.export.OnnxExport;
import org.jresnet.export.OnnxOptions;
import org.jresnet.models.Architecture;
import org.jresnet.train.FinishedRun;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet export}. */
@Command(
    name = "export",
    sortOptions = false,
    description =
        "Writes a model as ONNX, for ONNX Runtime, OpenVINO and others. Class names, preprocessing"
            + " and calibration are in the file's metadata.")
final class ExportCommand implements Callable<Integer> {
  private static final String ANY_BATCH = "dynamic";

  @Parameters(
      index = "0",
      paramLabel = "MODEL",
      description = "Folder of a finished run, .safetensors or .pth file.")
  private String modelPath;

  @Parameters(index = "1", paramLabel = "OUTPUT", description = "The .onnx file to write.")
  private String output;

  @Option(names = "--overwrite", description = "Replace OUTPUT if it exists.")
  private boolean overwrite;

  @Heading("Graph")
  @Option(
      names = "--precision",
      defaultValue = "fp32",
      paramLabel = "TYPE",
      description =
          "fp32, fp16 (half-size weights; inputs and outputs stay fp32), or int8 (with the ranges of"
              + " jresnet quantize).")
  private String precision;

  @Option(
      names = "--reduce-range",
      description =
          "int8 filters of 7 bits: for CPUs without VNNI, on which runtimes' sums of bytes overflow.")
  private boolean reduceRange;

  @Option(
      names = "--opset",
      defaultValue = "13",
      paramLabel = "N",
      description = "Version of ONNX's operators, 13 to 21. OpenVINO 2022.3 reads 13.")
  @Within(min = OnnxOptions.OLDEST_OPSET, max = OnnxOptions.NEWEST_OPSET)
  private int opset;

  @Option(
      names = "--keep-norms",
      description = "Keep batch norms as nodes, instead of folding them into convolutions.")
  private boolean keepNorms;

  @Option(
      names = "--with-preprocessing",
      description =
          "Take RGB bytes [N, size, size, 3] and normalise them in the graph. Resizing stays"
              + " outside.")
  private boolean withPreprocessing;

  @Option(names = "--with-softmax", description = "Give calibrated probabilities, too.")
  private boolean withSoftmax;

  @Option(
      names = "--batch",
      defaultValue = ANY_BATCH,
      paramLabel = "N",
      description = "Images per run, or dynamic for any number.")
  private String batch;

  @Heading("Model")
  @Option(
      names = "--model",
      paramLabel = "NAME",
      completionCandidates = ModelNames.class,
      description = {"Network of a file that does not name it: " + ModelNames.LISTED})
  private String model;

  @Option(
      names = "--size",
      paramLabel = "PIXELS",
      description = "Side of the input; default: what the model was trained on, or 224.")
  @Within(min = 1, max = Within.SIDE)
  private Integer size;

  @Option(
      names = "--json",
      description = "Print the result as a JSON object; messages go to standard error.")
  private boolean json;

  @Override
  public Integer call() {
    Console console = new Console(json);
    Path target = ImageFolder.expand(output);
    if (!output.endsWith(".onnx")) {
      throw new UsageError(Text.format("OUTPUT must end in .onnx, found %s", output));
    }
    OnnxOptions options = UsageError.unlessValid(this::options);
    OutputFile.require("OUTPUT", target, overwrite);
    Path source = ImageFolder.expand(modelPath);
    FinishedRun.require(source);
    Optional<String> network =
        Optional.ofNullable(model)
            .map(name -> UsageError.unlessValid(() -> Architecture.of(name)).id());
    LoadedModel loaded = sized(ModelFiles.open(source, network));
    loaded.weights().notes().forEach(console::note);
    OnnxExport.Written written = OnnxExport.write(loaded, options, target);
    console.print(
        "%s, %s, opset %s: %s, %.1f MB -> %s%nRead back: logits of %s differ by at most %.1g, the"
            + " largest is %.3g",
        loaded.info().architecture(),
        options.precision().id(),
        options.opset(),
        Text.count(written.nodes(), "node"),
        written.bytes() / 1e6,
        target,
        written.parity().images(),
        written.parity().largestDifference(),
        written.parity().largestLogit());
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("file", target.toString());
    values.put("network", loaded.info().architecture());
    values.put("precision", options.precision().id());
    values.put("opset", options.opset());
    values.put("nodes", written.nodes());
    values.put("bytes", written.bytes());
    values.put("parity", written.parity());
    console.object(values);
    return 0;
  }

  private OnnxOptions options() {
    return new OnnxOptions(
        opset,
        keepNorms ? OnnxOptions.Norms.KEPT : OnnxOptions.Norms.FOLDED,
        Precision.of(precision),
        withPreprocessing ? OnnxOptions.Input.PIXELS : OnnxOptions.Input.NORMALIZED,
        withSoftmax ? OnnxOptions.Output.PROBABILITIES : OnnxOptions.Output.LOGITS,
        batch(),
        reduceRange);
  }

  private OptionalInt batch() {
    if (batch.equals(ANY_BATCH)) {
      return OptionalInt.empty();
    }
    if (!batch.matches("[1-9]\\d{0,4}")) {
      throw new UsageError(
          Text.format(
              "--batch is a number of images from 1 to 99999, or %s; found %s", ANY_BATCH, batch));
    }
    return OptionalInt.of(Integer.parseInt(batch));
  }

  private LoadedModel sized(LoadedModel loaded) {
    return size == null ? loaded : loaded.withPreprocess(loaded.preprocess().withSize(size));
  }
}
