package org.jresnet.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jresnet.backend.Backend;
import org.jresnet.base.Text;
import org.jresnet.data.Augmentation;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.data.Loader.LastBatch;
import org.jresnet.data.Preprocess;
import org.jresnet.models.Architecture;
import org.jresnet.train.RunFolder;
import org.jresnet.train.TrainOptions;
import org.jresnet.train.Trainer;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code jresnet train}. */
@Command(
    name = "train",
    sortOptions = false,
    description = {
      "Trains a classifier on a folder with one folder of pictures per class.",
      "Folders named train, val and test inside it are taken as the split; else the pictures are split at random."
    })
final class TrainCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(
      arity = "0..1",
      paramLabel = "DATA",
      description = "The data folder; not needed with --resume.")
  private String data;

  @Heading("Run")
  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder for the results.")
  private Path out;

  @ArgGroup private Existing existing;

  static final class Existing {
    @Option(
        names = "--resume",
        description = "Continue the interrupted run in --out with its own options.")
    boolean resume;

    @Option(
        names = "--overwrite",
        description = "Replace the run in --out, once the new one has its first checkpoint.")
    boolean overwrite;
  }

  @Heading("Training")
  @Option(
      names = "--preset",
      paramLabel = "NAME",
      description = {
        "seed: 224 pixels, batch 32, Adam 1e-3, 100 epochs, 80/20 split with seed 42, best validation accuracy kept. It selects on"
            + " the part that it reports; the default keeps a sealed test part instead."
      })
  private String preset;

  @Heading("Model")
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
      names = "--weights",
      defaultValue = "",
      paramLabel = "FILE",
      description = "Start from this .pth or .safetensors file.")
  private String weights;

  @Option(
      names = "--new-head",
      description = "Start the classifier anew even if its number of classes fits.")
  private boolean newHead;

  @Option(names = "--zero-init", description = "Start each residual block as the identity.")
  private boolean zeroInit;

  @Option(
      names = "--freeze",
      split = ",",
      paramLabel = "PATTERN",
      description = {
        "Parameters that stay as they are, such as 'conv1.*,bn1.*,layer1.*'. A batch norm with both parameters frozen uses and"
            + " keeps its running statistics."
      })
  private List<String> freeze = new ArrayList<>();

  @Heading("Training")
  @Option(names = "--epochs", defaultValue = "10", description = "Passes over the training part.")
  @Within(min = 1, max = Within.MANY)
  private int epochs;

  @Option(names = "--batch", defaultValue = "32", description = "Pictures per step.")
  @Within(min = 1, max = Within.BATCH)
  private int batch;

  @Option(
      names = "--accumulate",
      defaultValue = "1",
      description = "Batches whose gradients make one step.")
  @Within(min = 1, max = Within.BATCH)
  private int accumulate;

  @Option(
      names = "--checkpoint-blocks",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Save memory: forget the activations inside every N residual blocks and compute them again"
              + " in backward. The result is the same to the bit, a step takes longer. 0 keeps all.")
  @Within(min = 0, max = 1000)
  private int checkpointBlocks;

  @Option(
      names = "--drop-last",
      arity = "0..1",
      defaultValue = "true",
      fallbackValue = "true",
      description = {
        "Leave out the images of an epoch that do not fill a batch (or, with --accumulate, a group of batches); each epoch"
            + " leaves out others. --drop-last=false trains on them too, in a smaller last batch."
      })
  private boolean dropLast;

  @Heading("Images and data")
  @Option(names = "--size", defaultValue = "224", description = "Side of the input in pixels.")
  @Within(min = 1, max = Within.SIDE)
  private int size;

  @Option(
      names = "--resize",
      defaultValue = "stretch",
      description = "stretch, or crop (shorter side, then centre).")
  private Preprocess.Mode resize;

  @Heading("Training")
  @Option(names = "--optimizer", defaultValue = "adam", description = "adam, adamw or sgd.")
  private String optimizer;

  @Option(names = "--lr", defaultValue = "1e-3", description = "Learning rate.")
  @Within(above = 0, max = 1000)
  private double lr;

  @Option(
      names = "--betas",
      split = ",",
      defaultValue = "0.9,0.999",
      description = "Adam's decay rates.")
  @Within(min = 0, below = 1)
  private double[] betas;

  @Option(names = "--eps", defaultValue = "1e-8", description = "Adam's epsilon.")
  @Within(above = 0, below = 1)
  private double eps;

  @Option(names = "--momentum", defaultValue = "0.9", description = "Momentum of sgd.")
  @Within(min = 0, below = 1)
  private double momentum;

  @Option(
      names = "--weight-decay",
      defaultValue = "0",
      description = "L2 for adam and sgd, decoupled for adamw.")
  @Within(min = 0, below = 1)
  private double weightDecay;

  @Option(
      names = "--schedule",
      defaultValue = "constant",
      description = "constant, step or cosine.")
  private String schedule;

  @Option(names = "--warmup", defaultValue = "0", description = "Epochs of linear warm-up.")
  @Within(min = 0, max = Within.MANY)
  private double warmup;

  @Option(
      names = "--step-epochs",
      defaultValue = "30",
      description = "Epochs between the drops of --schedule step.")
  @Within(above = 0, max = Within.MANY)
  private double stepEpochs;

  @Option(names = "--gamma", defaultValue = "0.1", description = "Factor of each drop.")
  @Within(above = 0, max = 1)
  private double gamma;

  @Option(
      names = "--final-lr-factor",
      defaultValue = "0",
      description = "End of --schedule cosine, as a share of --lr.")
  @Within(min = 0, max = 1)
  private double finalFactor;

  @Option(
      names = "--label-smoothing",
      defaultValue = "0",
      description = "Share of the target spread over all classes.")
  @Within(min = 0, below = 1)
  private double labelSmoothing;

  @Option(
      names = "--class-weights",
      defaultValue = "none",
      description = "none, balanced, or one number per class.")
  private String classWeights;

  @Option(
      names = "--clip",
      defaultValue = "0",
      description = "Largest norm of the gradient; 0: no clipping.")
  @Within(min = 0, max = 1e9)
  private double clip;

  @Option(
      names = "--patience",
      defaultValue = "0",
      description = "Epochs without improvement before stopping; 0: never.")
  @Within(min = 0, max = Within.MANY)
  private int patience;

  @Heading("Images and data")
  @Option(
      names = "--split",
      split = ",",
      defaultValue = "0.7,0.15,0.15",
      description = "Shares of train, val and test.")
  @Within(min = 0, max = 1)
  private double[] split;

  @Option(
      names = "--group",
      defaultValue = "",
      paramLabel = "REGEX",
      description = {
        "What must not be on both sides of the split, as a regular expression on the path below DATA, such as 'person\\d+'."
      })
  private String group;

  @Option(
      names = "--split-csv",
      defaultValue = "",
      paramLabel = "FILE",
      description = "A split.csv (file,class,split) to use.")
  private String splitCsv;

  @Option(
      names = "--positive",
      defaultValue = "",
      paramLabel = "NAME",
      description = {
        "The class that AUC, EER and error rates speak of; by default the one whose name says fake, generated, synthetic or"
            + " ai, else the second."
      })
  private String positive;

  @Heading("Augmentation")
  @Option(names = "--flip", defaultValue = "0.5", description = "Probability of a horizontal flip.")
  @Within(min = 0, max = 1)
  private double flip;

  @Option(
      names = "--crop-scale",
      defaultValue = "1",
      description = "Smallest area share of random crops; 1: no crops.")
  @Within(above = 0, max = 1)
  private double cropScale;

  @Option(
      names = "--jpeg",
      defaultValue = "0",
      description = "Probability of JPEG re-compression (quality 60-95).")
  @Within(min = 0, max = 1)
  private double jpeg;

  @Option(
      names = "--blur",
      defaultValue = "0",
      description = "Probability of Gaussian blur (sigma 0.1-2).")
  @Within(min = 0, max = 1)
  private double blur;

  @Heading("Images and data")
  @Option(
      names = "--bad-images",
      defaultValue = "skip",
      description = "skip (counted and listed) or stop.")
  private BadImages badImages;

  @Option(
      names = "--loader-threads",
      defaultValue = "2",
      description = "Threads that decode pictures.")
  @Within(min = 1, max = Within.THREADS)
  private int loaderThreads;

  @Heading("Training")
  @Option(
      names = "--seed",
      defaultValue = "42",
      description = "Seed of split, order, augmentation and initialisation.")
  @Within
  private long seed;

  @Heading("Run")
  @Option(
      names = "--trust-files",
      description = {
        "Do not read every image once before training to record, or with --resume to compare, its"
            + " contents."
      })
  private boolean trustFiles;

  @Option(
      names = "--json",
      description = "Print the result as a JSON object; progress goes to standard error.")
  private boolean json;

  @Mixin private DecodingOptions decoding;

  @Mixin private BackendOptions backendOptions;

  @Override
  public Integer call() {
    Console console = new Console(json);
    boolean resume = existing != null && existing.resume;
    RunFolder.Existing how =
        resume
            ? RunFolder.Existing.RESUME
            : existing != null && existing.overwrite
                ? RunFolder.Existing.OVERWRITE
                : RunFolder.Existing.REFUSE;
    TrainOptions fresh = resume ? null : options(console);
    try (RunFolder folder = RunFolder.open(out, how, console::note)) {
      TrainOptions options = resume ? resumed(folder) : fresh;
      if (resume) {
        backendOptions.backend = options.network().backend();
        backendOptions.precision = options.network().precision();
      }
      return train(console, options, folder);
    }
  }

  private int train(Console console, TrainOptions options, RunFolder folder) {
    try (Backend backend = backendOptions.open(console)) {
      String precision = backendOptions.resolve(backend, console).id();
      TrainOptions resolved = options.withNetwork(options.network().on(backend.name(), precision));
      Trainer.Contents contents = trustFiles ? Trainer.Contents.TRUSTED : Trainer.Contents.CHECKED;
      Trainer.Outcome outcome = new Training(console).run(resolved, folder, backend, contents);
      console.object(Training.values(outcome, out));
      return outcome.end() == Trainer.End.INTERRUPTED ? 1 : 0;
    }
  }

  /** The run's own options, but for those that decide no step; contradictions are refused. */
  private TrainOptions resumed(RunFolder folder) {
    TrainOptions then = folder.record().options();
    Set<String> named =
        spec.commandLine().getParseResult().matchedOptions().stream()
            .map(o -> o.longestName())
            .collect(Collectors.toSet());
    TrainOptions here = options(data == null ? then.data() : data);
    TrainOptions given =
        here.withNetwork(here.network().on(backendOptions.backend, backendOptions.precision));
    ResumeOptions.require(named, given, then);
    return ResumeOptions.merge(named, given, then);
  }

  private TrainOptions options(Console console) {
    if (data == null) {
      throw new UsageError(
          "name the data folder: ./jresnet train DATA --out " + Text.shellWord(out));
    }
    if (preset != null) {
      applyPreset(console);
    }
    return options(data);
  }

  private TrainOptions options(String folder) {
    if (split.length < 2 || split.length > 3) {
      throw new UsageError(
          "--split takes two or three shares (train,val[,test]), found " + split.length);
    }
    if (betas.length != 2) {
      throw new UsageError("--betas takes two numbers, found " + betas.length);
    }
    freeze.forEach(pattern -> Arguments.requireGlob("--freeze", pattern));
    Arguments.requireRegex("--group", group);
    Arguments.requireBatchFits(batch, size);
    Architecture network = UsageError.unlessValid(() -> Architecture.of(model));
    Arguments.graph(network, 2, width);
    return UsageError.unlessValid(
        () ->
            new TrainOptions(
                absolute(folder),
                new TrainOptions.SplitOptions(
                    split[0],
                    split[1],
                    split.length == 3 ? split[2] : 0,
                    group,
                    absolute(splitCsv)),
                new TrainOptions.NetworkOptions(
                    network.id(),
                    width == null ? network.width() : width,
                    absolute(weights),
                    newHead,
                    zeroInit,
                    freeze,
                    "",
                    "",
                    checkpointBlocks),
                new TrainOptions.InputOptions(
                    new Preprocess(size, resize, decoding.options()),
                    new Augmentation(flip, cropScale, jpeg, blur),
                    badImages,
                    loaderThreads),
                epochs,
                batch,
                accumulate,
                new TrainOptions.OptimizerOptions(
                    optimizer, lr, betas[0], betas[1], eps, momentum, weightDecay),
                new TrainOptions.ScheduleOptions(schedule, warmup, stepEpochs, gamma, finalFactor),
                new TrainOptions.LossOptions(labelSmoothing, classWeights),
                clip,
                patience,
                seed,
                dropLast ? LastBatch.DROP : LastBatch.KEEP,
                positive));
  }

  private static String absolute(String path) {
    return path.isEmpty() ? "" : ImageFolder.expand(path).toAbsolutePath().normalize().toString();
  }

  private void applyPreset(Console console) {
    if (!preset.equals("seed")) {
      throw new UsageError("unknown preset '" + preset + "'; known presets: seed");
    }
    size = 224;
    resize = Preprocess.Mode.STRETCH;
    batch = 32;
    optimizer = "adam";
    lr = 1e-3;
    epochs = spec.commandLine().getParseResult().hasMatchedOption("--epochs") ? epochs : 100;
    split = new double[] {0.8, 0.2};
    seed = 42;
    flip = 0;
    console.note(
        "preset seed selects the best epoch on the part that it reports, so its accuracy is optimistic; the default"
            + " protocol reports a sealed test part instead");
  }
}
