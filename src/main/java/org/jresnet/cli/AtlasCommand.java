package org.jresnet.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jresnet.backend.Precision;
import org.jresnet.backend.cpu.CpuBackend;
import org.jresnet.base.Processor;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.bench.Atlas;
import org.jresnet.bench.AtlasSurvey;
import org.jresnet.bench.Disturbance;
import org.jresnet.engine.CompileOptions.Images;
import org.jresnet.engine.Compute;
import org.jresnet.graph.Graph;
import org.jresnet.models.Architecture;
import org.jresnet.train.ModelFiles;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code jresnet atlas}. */
@Command(
    name = "atlas",
    sortOptions = false,
    description =
        "Measures each convolution of a network on the CPU, forward and both gradients, by each"
            + " implementation: time, FLOP/s, share of the peak, error.",
    subcommands = AtlasDiffCommand.class)
final class AtlasCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Heading("What to measure")
  @Option(
      names = "--model",
      paramLabel = "NAME",
      defaultValue = Architecture.DEFAULT,
      completionCandidates = ModelNames.class,
      description = ModelNames.LISTED)
  private String model;

  @Option(
      names = "--width",
      paramLabel = "CHANNELS",
      description = "Channels of the stem; default: those of the published network.")
  @Within(min = 1, max = Within.SIDE)
  private Integer width;

  @Option(
      names = "--precision",
      split = ",",
      defaultValue = "fp32",
      paramLabel = "TYPE",
      description = "fp32, bf16, and int8, which is measured as in inference.")
  private List<String> precisions;

  @Option(names = "--batch", defaultValue = "16", description = "Images per batch.")
  @Within(min = 1, max = Within.BATCH)
  private int batch;

  @Option(names = "--size", defaultValue = "224", description = "Side of the input in pixels.")
  @Within(min = 1, max = Within.SIDE)
  private int size;

  @Heading("Output")
  @Option(
      names = "--out",
      paramLabel = "FOLDER",
      description =
          "Folder for atlas.csv, atlas.json and the heat map atlas.svg; made if it is not there."
              + " With several --threads, threads-N in it has those of each.")
  private Path out;

  @Option(names = "--overwrite", description = "Replace these files if they exist.")
  private boolean overwrite;

  @Option(names = "--json", description = "Print one JSON object per row.")
  private boolean json;

  @Mixin private ThreadOptions threads;
  @Mixin private TuningOptions tuning;

  @Override
  public Integer call() {
    if (out == null) {
      throw new UsageError("name the folder for the files: ./jresnet atlas --out FOLDER");
    }
    Arguments.requireBatchFits(batch, size);
    Architecture network = UsageError.unlessValid(() -> Architecture.of(model));
    Graph graph = Arguments.graph(network, Architecture.PUBLISHED_CLASSES, width);
    UsageError.unlessValid(() -> graph.shapes(batch, size, size));
    List<Precision> types =
        precisions.stream()
            .map(p -> UsageError.unlessValid(() -> Precision.of(p)))
            .distinct()
            .toList();
    createFolder();
    Console console = new Console(json);
    if (threads.several()) {
      return each(console);
    }
    threads.check();
    try (CpuBackend backend = new CpuBackend(tuning.cpu(console))) {
      types.forEach(type -> Compute.require(backend, type));
      console.print("%s, %s", Processor.andJava(), backend.description());
      Images images = new Images(batch, size, size, ModelFiles.normalization(network));
      AtlasSurvey.Setup setup = new AtlasSurvey.Setup(graph, images, types, threads.count());
      header(console);
      Disturbance.Watch watch = Disturbance.watch();
      Atlas atlas =
          AtlasSurvey.run(
              backend,
              setup,
              (rows, done, left) -> {
                rows.forEach(row -> print(console, row, done, left));
                Console.requireOutput();
              });
      Optional<String> unreliable = watch.stop().flatMap(d -> d.warning(0));
      atlas.write(out);
      for (Precision type : types) {
        console.print(
            "%s: %.1f ms for all of them, each by its fastest",
            type.id(), atlas.milliseconds(type, threads.count()));
      }
      unreliable.ifPresent(console::note);
      console.print("Saved in %s: %s", out, String.join(", ", Atlas.FILES));
    }
    return 0;
  }

  /** OpenMP reads the number of threads once, so each has a process of its own. */
  private int each(Console console) {
    List<Atlas> runs = new ArrayList<>();
    List<String> arguments = spec.commandLine().getParent().getParseResult().originalArgs();
    for (int count : threads.counts().stream().distinct().toList()) {
      Path folder = out.resolve("threads-" + count);
      int code = ChildRuns.run(count, ChildRuns.with(arguments, "--out", folder.toString()));
      if (code != 0) {
        return code;
      }
      Console.requireOutput();
      runs.add(Atlas.read(folder));
    }
    Atlas.merged(runs).write(out);
    console.print("All of them in %s: %s", out, String.join(", ", Atlas.FILES));
    return 0;
  }

  private void createFolder() {
    try {
      Files.createDirectories(out);
    } catch (IOException e) {
      throw new UserError(Text.format("the folder --out %s cannot be made: %s", out, e), e);
    }
    Atlas.FILES.forEach(file -> OutputFile.require("--out", out.resolve(file), overwrite));
  }

  private static void header(Console console) {
    console.print(
        "%5s %9s  %-24s %-17s %-5s %-10s %9s %9s %6s %9s",
        "done", "left", "convolution", "operation", "type", "by", "ms", "GFLOP/s", "peak", "error");
  }

  private static void print(Console console, Atlas.Row row, double done, double left) {
    console.print(
        "%4.0f%% %7.0f s  %-24s %-17s %-5s %-10s %9.3f %9.1f %5.0f%% %9.1e",
        100 * done,
        left,
        row.convolution(),
        row.operation(),
        row.precision().id(),
        row.candidate(),
        row.ms(),
        row.gflops(),
        100 * row.share(),
        row.error());
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("part", row.part());
    values.put("precision", row.precision().id());
    values.put("candidate", row.candidate());
    values.put("threads", row.threads());
    values.put("ms", row.ms());
    values.put("gflops", row.gflops());
    values.put("of_peak", row.share());
    values.put("error", row.error());
    console.object(values);
  }
}
