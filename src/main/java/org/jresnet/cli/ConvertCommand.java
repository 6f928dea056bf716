package org.jresnet.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jresnet.base.UserError;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.Preprocess;
import org.jresnet.models.ResNet;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.RunFolder;
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
        "Converts weights between .pth and .safetensors, bit for bit; the extension of OUTPUT decides.")
final class ConvertCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      paramLabel = "INPUT",
      description = "Run folder, .safetensors or .pth file.")
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

  @Option(names = "--overwrite", description = "Replace OUTPUT if it exists.")
  private boolean overwrite;

  @Override
  public Integer call() {
    Console console = new Console(false);
    Path in = ImageFolder.expand(input);
    Path source = Files.isDirectory(in) ? in.resolve(RunFolder.BEST) : in;
    Path target = ImageFolder.expand(output);
    OutputFile.require("OUTPUT", target, overwrite);
    StateDict dict = WeightFiles.read(source);
    dict.notes().forEach(console::note);
    Optional<ModelInfo> described = ModelInfo.of(dict.metadata());
    if (model != null) {
      dict = describe(dict, source);
    } else if (described.isPresent() && !output.endsWith(".safetensors")) {
      console.note("a .pth file has no metadata: class names and input size are lost in it");
    }
    WeightFiles.write(target, dict);
    long values = dict.tensors().values().stream().mapToLong(t -> t.elements()).sum();
    console.print(
        "%s -> %s: %d tensors, %,d values", source, target, dict.tensors().size(), values);
    return 0;
  }

  private StateDict describe(StateDict dict, Path source) {
    ResNet network = UsageError.unlessValid(() -> ResNet.of(model));
    int count =
        dict.tensors().containsKey("fc.bias") ? dict.tensors().get("fc.bias").elements() : 1000;
    StrictReport report = StrictReport.compare(network.graph(count).parameters(), dict);
    if (!report.clean()) {
      throw new UserError(source + " is no " + network.id() + ":", report.lines());
    }
    report.notes().forEach(new Console(false)::note);
    List<String> names =
        classes != null
            ? classes
            : java.util.stream.IntStream.range(0, count).mapToObj(String::valueOf).toList();
    if (names.size() != count) {
      throw new UserError("the file has " + count + " classes, --classes names " + names.size());
    }
    Preprocess preprocess = new Preprocess(224, Preprocess.Mode.CROP);
    return dict.withMetadata(
        ModelFiles.info(network, ResNet.BASE_WIDTH, names, preprocess).toMetadata());
  }
}
