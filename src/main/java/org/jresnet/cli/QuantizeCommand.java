package org.jresnet.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import org.jresnet.base.Text;
import org.jresnet.data.Dataset;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.Sample;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.Quantizer;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet quantize}. */
@Command(
    name = "quantize",
    sortOptions = false,
    description =
        "Measures the ranges that int8 inference needs and adds them to the model file; the weights"
            + " stay as they are. Says what int8 changes on images that were not calibrated with."
            + " Use the result with --precision int8.")
final class QuantizeCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      paramLabel = "MODEL",
      description = "Run folder, .safetensors or .pth file.")
  private String modelPath;

  @Parameters(
      index = "1",
      paramLabel = "DATA",
      description =
          "Folder with one folder per class: some images calibrate, the rest tells what int8 changes.")
  private String data;

  @Heading("Output")
  @Option(
      names = "--out",
      required = true,
      paramLabel = "FILE",
      description = "The .safetensors file to write.")
  private String output;

  @Option(names = "--overwrite", description = "Replace the file if it exists.")
  private boolean overwrite;

  @Heading("Calibration")
  @Option(
      names = "--images",
      defaultValue = "256",
      description = "How many images calibrate; at most half of all.")
  @Within(min = 1, max = Within.MANY)
  private int images;

  @Option(names = "--batch", defaultValue = "8", description = "Images per pass.")
  @Within(min = 1, max = Within.BATCH)
  private int batch;

  @Mixin private ModelOptions modelOptions;

  @Heading("Output")
  @Option(
      names = "--json",
      description = "Print the result as a JSON object; progress goes to standard error.")
  private boolean json;

  @Mixin private ThreadOptions threads;

  @Override
  public Integer call() {
    if (!output.endsWith(".safetensors")) {
      throw new UsageError(
          Text.format(
              "--out must end in .safetensors, because a .pth file cannot hold the ranges; found %s",
              output));
    }
    threads.check();
    Console console = new Console(json);
    Path target = ImageFolder.expand(output);
    OutputFile.require("--out", target, overwrite);
    LoadedModel loaded = modelOptions.open(modelPath, console);
    Arguments.requireBatchFits(batch, loaded.preprocess().size());
    Path root = ImageFolder.expand(data);
    Dataset dataset = ImageFolder.scan(root);
    ModelFiles.requireSameClasses(loaded.info().classes(), dataset.classes(), console::note);
    ModelOptions.note(ImageFolder.leftOut(root), dataset, loaded, console);
    Quantizer.Parts parts = Quantizer.Parts.of(dataset.samples(), images);
    List<Sample> calibrating = parts.calibrating();
    List<Sample> measuring = parts.measuring();
    if (calibrating.size() < images) {
      console.note(
          Text.format(
              "calibrating with %s images, not %s: half of the %s must remain to measure on",
              calibrating.size(), images, dataset.samples().size()));
    }
    Quantizer quantizer = new Quantizer(loaded, batch);
    quantizer.requireInt8();
    Map<String, Float> ranges;
    try (ProgressBar bar = Progress.bar("Calibrating", calibrating.size(), " images")) {
      ranges = quantizer.ranges(calibrating, done -> bar.stepTo(done));
    }
    Quantizer.Effect effect;
    try (ProgressBar bar = Progress.bar("Measuring", measuring.size(), " images")) {
      effect = quantizer.effect(measuring, ranges, done -> bar.stepTo(done));
    }
    WeightFiles.write(
        target,
        new StateDict(loaded.weights().tensors(), loaded.info().withRanges(ranges).toMetadata()));
    console.print(
        "Calibrated %s with %s -> %s",
        Text.count(ranges.size(), "tensor"), Text.count(calibrating.size(), "image"), target);
    console.print(
        "On the other %s:%n  accuracy in fp32  %s%n  accuracy in int8  %s%n  same class        %s",
        Text.count(measuring.size(), "image"), effect.before(), effect.after(), effect.agreement());
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("file", target.toString());
    values.put("calibrated", calibrating.size());
    values.put("images", effect.before().total());
    values.put("accuracy_fp32", effect.before().share());
    values.put("accuracy_int8", effect.after().share());
    values.put("agreement", effect.agreement().share());
    console.object(values);
    return 0;
  }
}
