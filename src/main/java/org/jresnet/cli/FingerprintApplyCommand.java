package org.jresnet.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import org.jresnet.base.Text;
import org.jresnet.data.ImageFolder;
import org.jresnet.detect.fingerprint.Removal;
import org.jresnet.detect.fingerprint.Remover;
import org.jresnet.engine.Compute;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet fingerprint apply}. */
@Command(
    name = "apply",
    sortOptions = false,
    description = {
      "Draws every image of a folder anew with a trained autoencoder, in its own size and under its own name, and says how"
          + " far each is from what it was (PSNR)."
    })
final class FingerprintApplyCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      paramLabel = "AUTOENCODER",
      description = "Folder that fingerprint train wrote, or the .safetensors file in it.")
  private String autoencoder;

  @Parameters(
      index = "1",
      paramLabel = "FAKES",
      description = "Folder of images, at any depth; one --class of a set, for example.")
  private String fakes;

  @Parameters(
      index = "2",
      paramLabel = "OUT",
      description = "Folder for the results; folders below FAKES are kept, nothing is replaced.")
  private String out;

  @Heading("Output")
  @Option(
      names = "--jpeg",
      paramLabel = "QUALITY",
      description = "Write JPEG of this quality (4:2:0) instead of PNG.")
  @Within(min = 1, max = 100)
  private Integer jpeg;

  @Option(
      names = "--csv",
      paramLabel = "FILE",
      description = "Also write file, result and PSNR of every image to this file.")
  private Path csv;

  @Option(names = "--overwrite", description = "Replace the file of --csv if it exists.")
  private boolean overwrite;

  @Option(
      names = "--json",
      description = "Print the result as a JSON object; progress goes to standard error.")
  private boolean json;

  @Mixin private BackendOptions backendOptions;

  @Override
  public Integer call() {
    if (csv != null) {
      OutputFile.require("--csv", csv, overwrite);
    }
    Console console = new Console(json);
    Removal removal =
        new Removal(
            FingerprintTrainCommand.folder(fakes),
            ImageFolder.expand(out),
            Optional.ofNullable(jpeg));
    Removal.Result result;
    try (Compute compute = FingerprintTrainCommand.open(console, backendOptions);
        Remover remover = Remover.open(ImageFolder.expand(autoencoder), compute);
        ProgressBar bar = Progress.bar("Removing", removal.images(), " images")) {
      result = removal.run(remover, done -> bar.stepTo(done));
    }
    if (csv != null) {
      result.write(csv);
    }
    result.failed().values().forEach(Console::error);
    console.print(
        "%d images -> %s, PSNR %.2f dB in the mean (%.2f to %.2f)",
        result.psnr().size(), out, result.mean(), result.smallest(), result.largest());
    if (!result.failed().isEmpty()) {
      Console.error(
          Text.format(
              "%s of %s images could not be drawn anew", result.failed().size(), removal.images()));
    }
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("out", out);
    values.put("images", result.psnr().size());
    values.put("failed", result.failed().size());
    values.put("psnr_mean", result.mean());
    values.put("psnr_min", result.smallest());
    values.put("psnr_max", result.largest());
    console.object(values);
    return result.failed().isEmpty() ? 0 : 1;
  }
}
