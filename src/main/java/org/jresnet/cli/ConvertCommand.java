package org.jresnet.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.ImageFolder;
import org.jresnet.export.OnnxImport;
import org.jresnet.models.Architecture;
import org.jresnet.train.KnownNetworks;
import org.jresnet.train.ModelFiles;
import org.jresnet.weights.ModelInfo;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.StrictReport;
import org.jresnet.weights.WeightFiles;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet convert}. */
@Command(
    name = "convert",
    sortOptions = false,
    description =
        "Converts weights between .pth and .safetensors, bit for bit; the extension of OUTPUT decides."
            + " Reads .onnx files, too, that jresnet export or torch's exporters wrote.")
final class ConvertCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      paramLabel = "INPUT",
      description =
          "Run folder, .safetensors, .pth or .onnx file, or sharded safetensors (the index or its"
              + " folder).")
  private String input;

  @Parameters(index = "1", paramLabel = "OUTPUT", description = "The file to write.")
  private String output;

  @Option(
      names = "--model",
      paramLabel = "NAME",
      description = {
        "Check that INPUT is this network, and say so in the metadata of a .safetensors OUTPUT."
      })
  private String model;

  @Option(
      names = "--classes",
      split = ",",
      paramLabel = "NAME",
      description = "Class names for the metadata, with --model.")
  private List<String> classes;

  @Option(
      names = "--entry",
      paramLabel = "NAME",
      description = "State dict to take out of a checkpoint that holds several, such as model_ema.")
  private String entry;

  @Option(names = "--overwrite", description = "Replace OUTPUT if it exists.")
  private boolean overwrite;

  @Override
  public Integer call() {
    Console console = new Console(false);
    Path source = ModelFiles.file(ImageFolder.expand(input));
    Optional<Architecture> network =
        Optional.ofNullable(model).map(name -> UsageError.unlessValid(() -> Architecture.of(name)));
    Path target = ImageFolder.expand(output);
    OutputFile.require("OUTPUT", target, overwrite);
    boolean onnx = OnnxImport.reads(source);
    StateDict dict =
        onnx
            ? OnnxImport.read(source, network)
            : WeightFiles.read(
                source,
                KnownNetworks.wanted(network.map(Architecture::id), Optional.ofNullable(entry)));
    dict.notes().forEach(console::note);
    Optional<ModelInfo> described = ModelInfo.of(dict.metadata());
    if (onnx) {
      // It was checked while it was read, and describes itself.
      dict = classes == null ? dict : named(dict, described.orElseThrow());
    } else if (network.isPresent()) {
      dict = describe(dict, source, network.get());
    } else {
      warn(dict, source, console);
    }
    if (network.isEmpty() && described.isPresent() && !output.endsWith(".safetensors")) {
      console.note(
          "a .pth file has no metadata: class names, input size and calibration are lost in it");
    }
    WeightFiles.write(target, dict);
    long values = dict.tensors().values().stream().mapToLong(t -> t.elements()).sum();
    console.print(
        "%s -> %s: %s, %,d values",
        source, target, Text.count(dict.tensors().size(), "tensor"), values);
    return 0;
  }

  /** Whatever it is, it is converted; but nobody should learn later that it is of no use here. */
  private static void warn(StateDict dict, Path source, Console console) {
    Optional<Architecture> network = KnownNetworks.identify(dict);
    if (network.isEmpty()) {
      List<String> names = List.copyOf(dict.tensors().keySet());
      console.note(
          Text.format(
              "Warning: what was taken from %s is no network that jresnet knows (%s), so train, "
                  + "evaluate and predict cannot use it: %s tensors, among them %s. --model NAME says "
                  + "what is missing",
              source,
              Architecture.names(),
              names.size(),
              String.join(", ", names.subList(0, Math.min(5, names.size())))));
      return;
    }
    try {
      ModelFiles.requireSound(network.get(), dict, source.toString());
    } catch (UserError e) {
      console.note(Text.format("Warning: %s", e.getMessage()));
    }
  }

  private StateDict describe(StateDict dict, Path source, Architecture network) {
    int count = KnownNetworks.classes(network, dict).orElse(Architecture.PUBLISHED_CLASSES);
    StrictReport report = StrictReport.compare(network.graph(count).parameters(), dict);
    if (!report.clean()) {
      throw new UserError(Text.format("%s is no %s:", source, network.id()), report.lines());
    }
    report.notes().forEach(new Console(false)::note);
    ModelFiles.requireSound(network, dict, source.toString());
    List<String> names =
        classes != null
            ? named(count)
            : java.util.stream.IntStream.range(0, count).mapToObj(String::valueOf).toList();
    return dict.withMetadata(
        ModelFiles.info(network, network.width(), names, ModelFiles.preprocess(network))
            .toMetadata());
  }

  private List<String> named(int count) {
    if (classes.size() != count) {
      throw new UserError(
          Text.format("the file has %s classes, --classes names %s", count, classes.size()));
    }
    return classes;
  }

  private StateDict named(StateDict dict, ModelInfo info) {
    return dict.withMetadata(info.withClasses(named(info.classes().size())).toMetadata());
  }
}
