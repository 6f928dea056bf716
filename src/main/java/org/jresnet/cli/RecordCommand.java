package org.jresnet.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Dataset;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.Preprocess;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Model;
import org.jresnet.graph.Graph;
import org.jresnet.inspect.NodePatterns;
import org.jresnet.inspect.StepRecorder;
import org.jresnet.inspect.StepStart;
import org.jresnet.models.Architecture;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.RunFolder;
import org.jresnet.weights.ModelInfo;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet record}. */
@Command(
    name = "record",
    sortOptions = false,
    description =
        "Runs one training step, or inference, and writes everything that it computes into a file: every node's output"
            + " and gradient, parameters before and after, the optimizer's moments.")
final class RecordCommand implements Callable<Integer> {
  private static final int DEFAULT_CLASSES = 10;

  @Parameters(
      arity = "1..*",
      paramLabel = "MODEL IMAGE...",
      description = {
        "Run folder or weight file, then images, or a folder with one folder of images per class. A training step of a run"
            + " goes on from its last checkpoint. With --model images alone."
      })
  private List<String> arguments;

  @Heading("Model")
  @Option(
      names = "--model",
      paramLabel = "NAME",
      completionCandidates = ModelNames.class,
      description = {"Record this network instead of a MODEL: " + ModelNames.LISTED})
  private String model;

  @Option(
      names = "--weights",
      paramLabel = "FILE",
      description = "Weights of --model; without it they are drawn from --seed.")
  private Path weights;

  @Option(
      names = "--classes",
      paramLabel = "N",
      description = "Classes of --model; default: those of the folder, or 10.")
  @Within(min = 1, max = Within.MANY)
  private Integer classes;

  @Option(
      names = "--width",
      paramLabel = "CHANNELS",
      description = "Channels of the stem of --model, with all others in proportion.")
  @Within(min = 1, max = Within.SIDE)
  private Integer width;

  @Option(
      names = "--size",
      paramLabel = "PIXELS",
      description = "Side of the input; default: what the model was trained on, or 224.")
  @Within(min = 1, max = Within.SIDE)
  private Integer size;

  @Option(
      names = "--seed",
      defaultValue = "42",
      description = "Seed of random weights, and of draws such as dropout's.")
  @Within
  private long seed;

  @Heading("Step")
  @Option(names = "--inference", description = "Record inference: no loss, no gradients.")
  private boolean inference;

  @Option(
      names = "--label",
      paramLabel = "NAME",
      description = "True class of the images, unless their folders say it.")
  private String label;

  @Option(
      names = "--batch",
      defaultValue = "4",
      description = "Images that are taken of a folder, of each class in turn.")
  @Within(min = 1, max = Within.BATCH)
  private int batch;

  @Option(
      names = "--lr",
      paramLabel = "RATE",
      description = "Learning rate of the step; default: that of the run, or 1e-3.")
  @Within(above = 0, max = 1000)
  private Double learningRate;

  @Heading("File")
  @Option(names = "--out", paramLabel = "FILE", description = "Write the recording to this file.")
  private Path out;

  @Option(
      names = "--nodes",
      split = ",",
      paramLabel = "PATTERN",
      description = {
        "Keep outputs and gradients of these nodes alone, such as 'conv1,layer1.*'. Parameters before the step are always"
            + " kept, so that it can be replayed."
      })
  private List<String> nodes = new ArrayList<>();

  @Option(
      names = "--half",
      description = "Round what the step computes to half precision: half the size.")
  private boolean half;

  @Option(
      names = "--spectra",
      description = "Also keep the singular values of the residual branches' filters.")
  private boolean spectra;

  @Option(names = "--dry-run", description = "Say how large the file would be, and stop.")
  private boolean dryRun;

  @Option(names = "--overwrite", description = "Replace the file if it exists.")
  private boolean overwrite;

  @Mixin private RecordingOptions reading;

  @Mixin private BackendOptions options;

  @Override
  public Integer call() {
    Console console = new Console(false);
    if (reading.asked()) {
      return reading.run(console, arguments, out, overwrite, options);
    }
    if (out == null && !dryRun) {
      throw new UsageError("name the file of the recording with --out");
    }
    if (!dryRun) {
      OutputFile.require("--out", out, overwrite);
    }
    if (model == null && (weights != null || classes != null || width != null)) {
      throw new UsageError("--weights, --classes and --width belong to --model");
    }
    if (model == null && arguments.size() < 2) {
      throw new UsageError("expected MODEL and at least one image, or --model NAME");
    }
    List<Path> paths =
        arguments.stream().skip(model == null ? 1 : 0).map(ImageFolder::expand).toList();
    boolean folder = paths.size() == 1 && Files.isDirectory(paths.get(0)) && label == null;
    StepStart start = start(console, folder ? Optional.of(paths.get(0)) : Optional.empty());
    StepRecorder.Images images = images(console, start, paths, folder);
    BackendKind kind = options.kind();
    // Exact to the printed digits, unless you ask for less.
    Precision exact = kind == BackendKind.REFERENCE ? Precision.FP64 : Precision.FP32;
    Precision precision = options.precision().orElse(exact);
    try (Compute compute = options.open(console, kind, Optional.of(precision))) {
      return record(console, start, images, compute);
    }
  }

  private StepStart start(Console console, Optional<Path> folder) {
    StepStart start = model == null ? ofArgument(console) : ofName(console, folder);
    if (size != null) {
      start = start.withPreprocess(start.preprocess().withSize(size));
    }
    return learningRate == null ? start : start.withLearningRate(learningRate);
  }

  private StepStart ofArgument(Console console) {
    Path path = ImageFolder.expand(arguments.get(0));
    Optional<StepStart> run = inference ? Optional.empty() : StepStart.ofRun(path);
    if (run.isPresent() && options.kind() == BackendKind.REFERENCE) {
      throw new UsageError(
          Text.format(
              "the reference backend computes in double precision, the moments of the run are in"
                  + " single: record its weights, %s, or leave out --backend reference",
              Text.shellWord(path.resolve(RunFolder.BEST))));
    }
    run.ifPresent(r -> console.print("The next step of the run, from %s/last.ckpt", path));
    return run.orElseGet(() -> StepStart.of(ModelFiles.open(path, Optional.empty())));
  }

  private StepStart ofName(Console console, Optional<Path> folder) {
    Architecture network = UsageError.unlessValid(() -> Architecture.of(model));
    if (weights != null) {
      if (classes != null || width != null) {
        throw new UsageError("--classes and --width do not go with --weights, which say it");
      }
      return StepStart.of(ModelFiles.open(weights, Optional.of(network.id())));
    }
    List<String> names =
        classes == null && folder.isPresent()
            ? ImageFolder.scan(folder.get()).classes()
            : IntStream.range(0, classes == null ? DEFAULT_CLASSES : classes)
                .mapToObj(String::valueOf)
                .toList();
    Graph graph = Arguments.graph(network, names.size(), width);
    int stem = width == null ? network.width() : width;
    Preprocess preprocess = ModelFiles.preprocess(network);
    ModelInfo info = ModelFiles.info(network, stem, names, preprocess);
    console.print("%s with random weights, %,d parameters", network.id(), graph.parameterCount());
    return StepStart.random(info, seed);
  }

  private StepRecorder.Images images(
      Console console, StepStart start, List<Path> paths, boolean folder) {
    if (folder && !inference) {
      Dataset dataset = ModelFiles.dataset(start.info(), paths.get(0), console::note);
      return start.images(dataset, batch);
    }
    List<Path> files = ImageFolder.images(paths);
    if (paths.stream().anyMatch(Files::isDirectory) && files.size() > batch) {
      files = files.subList(0, batch);
    }
    if (label == null && !inference) {
      throw new UserError(
          Text.format(
              "a training step needs the true class of the images: --label with one of %s, or a"
                  + " folder with one folder per class; or --inference",
              start.info().classes()));
    }
    return start.images(files, Optional.ofNullable(label));
  }

  private int record(
      Console console, StepStart start, StepRecorder.Images images, Compute compute) {
    Graph graph = start.graph();
    StepRecorder.Options keep =
        new StepRecorder.Options(
            inference ? Pass.INFERENCE : Pass.TRAINING,
            start.optimizer(),
            start.frozen(),
            NodePatterns.matching(graph, nodes),
            half,
            spectra,
            seed,
            0);
    try (Model made = compute.model(graph);
        StepRecorder recorder = new StepRecorder(made, start.info(), images, keep)) {
      start.state().into(made, recorder.optimizer());
      console.print(
          "%s of %s: %s, %.1f MB%s",
          inference ? "Inference" : "Step " + (recorder.optimizer().steps() + 1),
          start.source(),
          Text.count(images.names().size(), "image"),
          recorder.bytes() / 1e6,
          half ? " (what the step computes in half precision)" : "");
      if (dryRun) {
        return 0;
      }
      double loss = recorder.write(out);
      if (!inference) {
        console.print("Loss %.6f", loss);
      }
      console.print("Wrote %s", out);
      return 0;
    }
  }
}
