package org.jresnet.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import org.jresnet.base.Digests;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Dataset;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.Sample;
import org.jresnet.data.Split;
import org.jresnet.data.Split.Part;
import org.jresnet.export.box.BoxBuilder;
import org.jresnet.export.box.BoxManifest;
import org.jresnet.export.box.BoxManifest.BoxModel;
import org.jresnet.export.box.Target;
import org.jresnet.metrics.Proportion;
import org.jresnet.train.FinishedRun;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.Quantizer;
import org.jresnet.train.RunFolder;
import org.jresnet.train.RunRecord;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet bundle}. */
@Command(
    name = "bundle",
    sortOptions = false,
    description =
        "Packs a model with all that a small machine needs to run it and to prove that it computes"
            + " there what it computed here: see docs/edge.md.")
final class BundleCommand implements Callable<Integer> {
  /** Images that measure ranges for int8, as in quantize. */
  private static final int CALIBRATING = 256;

  @Parameters(
      index = "0",
      paramLabel = "MODEL",
      description = "Run folder, .safetensors or .pth file.")
  private String modelPath;

  @Parameters(
      index = "1",
      paramLabel = "BOX",
      description = "The archive to write: .tar.gz, or .tar.xz, which is smaller.")
  private String output;

  @Heading("Box")
  @Option(
      names = "--target",
      required = true,
      paramLabel = "NAME",
      description = "Machine that it is for: n5105 or linux-x86_64.")
  private String target;

  @Option(
      names = "--data",
      paramLabel = "FOLDER",
      description =
          "Images to measure on, with one folder per class; default: the validation images of the"
              + " run, never its test set.")
  private String data;

  @Option(
      names = "--golden",
      paramLabel = "N",
      defaultValue = "8",
      description =
          "Golden inputs. They are images of the data: do not give away a box with"
              + " images that you may not give away.")
  @Within(min = 1, max = 256)
  private int golden;

  @Option(
      names = "--no-runtime",
      description =
          "Leave Java and jresnet out: the box then runs with ONNX Runtime or OpenVINO alone.")
  private boolean noRuntime;

  @Option(names = "--overwrite", description = "Replace the archive if it exists.")
  private boolean overwrite;

  @Mixin private ModelOptions modelOptions;

  @Heading("Output")
  @Option(
      names = "--json",
      description = "Print the result as a JSON object; progress goes to standard error.")
  private boolean json;

  @Mixin private ThreadOptions threads;

  private record Images(List<Sample> calibrating, List<Sample> measuring, String described) {}

  @Override
  public Integer call() {
    threads.check();
    Target machine = UsageError.unlessValid(() -> Target.of(target));
    Path archive = ImageFolder.expand(output);
    UsageError.unlessValid(() -> BoxBuilder.requireName(archive));
    OutputFile.require("BOX", archive, overwrite);
    Console console = new Console(json);
    Path model = ImageFolder.expand(modelPath);
    FinishedRun.require(model);
    LoadedModel loaded = modelOptions.open(modelPath, console);
    Optional<RunRecord> run = RunFolder.recordOf(model);
    Images images = images(console, model, loaded, run);
    BoxBuilder.Request request =
        new BoxBuilder.Request(
            loaded,
            ModelFiles.file(model),
            model.toAbsolutePath().normalize().getFileName().toString(),
            run,
            images.calibrating,
            images.measuring,
            images.described,
            machine,
            golden,
            !noRuntime);
    BoxManifest manifest;
    try (Steps steps = new Steps(console)) {
      manifest = BoxBuilder.build(request, archive, steps);
    }
    report(console, archive, manifest);
    return 0;
  }

  private Images images(Console console, Path model, LoadedModel loaded, Optional<RunRecord> run) {
    if (data != null) {
      Path root = ImageFolder.expand(data);
      Dataset dataset = ModelFiles.dataset(loaded.info(), root, console::note);
      ModelOptions.note(ImageFolder.leftOut(root), dataset, loaded, console);
      if (!loaded.info().ranges().isEmpty()) {
        return new Images(List.of(), dataset.samples(), root.toString());
      }
      Quantizer.Parts parts = Quantizer.Parts.of(dataset.samples(), CALIBRATING);
      return new Images(
          parts.calibrating(),
          parts.measuring(),
          Text.format("%s, without the images that calibrated int8", root));
    }
    RunRecord record =
        run.orElseThrow(
            () ->
                new UsageError(
                    Text.format(
                        "%s belongs to no run, so the box has no images to measure on; name some"
                            + " with --data FOLDER, with one folder per class",
                        modelPath)));
    Split split = RunFolder.splitOf(model);
    List<Sample> measuring = present(split.part(Part.VAL), record);
    List<Sample> calibrating =
        Quantizer.Parts.of(present(split.part(Part.TRAIN), record), CALIBRATING).calibrating();
    return new Images(calibrating, measuring, "the validation images of the run");
  }

  private static List<Sample> present(List<Sample> samples, RunRecord record) {
    List<Sample> there = samples.stream().filter(s -> Files.isRegularFile(s.file())).toList();
    if (there.isEmpty()) {
      throw new UserError(
          Text.format(
              "the run's images are no longer in %s; name others with --data",
              record.options().data()));
    }
    return there;
  }

  private static void report(Console console, Path archive, BoxManifest manifest) {
    Map<String, Object> values = new LinkedHashMap<>();
    for (BoxModel m : manifest.models()) {
      console.print(
          "%-8s %-5s %6.1f MB  accuracy %s, same class as before packing %s",
          m.runner(),
          m.precision(),
          m.bytes() / 1e6,
          new Proportion(m.right(), m.images()),
          new Proportion(m.same(), m.images()));
    }
    long bytes = archive.toFile().length();
    String hash = Digests.ofFile(archive, "the box", () -> false);
    console.print("%s: %.1f MB, SHA-256 %s", archive, bytes / 1e6, hash);
    console.print(
        "There: tar -xf %s && %s/verify", archive.getFileName(), BoxBuilder.requireName(archive));
    values.put("file", archive.toString());
    values.put("bytes", bytes);
    values.put("sha256", hash);
    values.put("models", manifest.models());
    console.object(values);
  }

  /** A bar for each step. */
  private static final class Steps implements BoxBuilder.Listener, AutoCloseable {
    private final Console console;
    private String task = "";
    private ProgressBar bar;

    Steps(Console console) {
      this.console = console;
    }

    @Override
    public void note(String text) {
      console.note(text);
    }

    @Override
    public void progress(String now, int done, int total) {
      if (!now.equals(task)) {
        close();
        task = now;
        bar = Progress.bar(now, total, "");
      }
      bar.stepTo(done);
    }

    @Override
    public void close() {
      if (bar != null) {
        bar.close();
        bar = null;
      }
    }
  }
}
