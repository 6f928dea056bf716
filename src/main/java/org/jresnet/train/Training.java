package org.jresnet.train;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jresnet.backend.Precision;
import org.jresnet.base.UserError;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.data.Loader.LastBatch;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Split;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.BackendSettings;
import org.jresnet.engine.Compute;
import org.jresnet.models.Architecture;
import org.jresnet.train.TrainOptions.OptimizerOptions;
import org.jresnet.train.TrainOptions.ScheduleOptions;

/**
 * A training run, its options by name. What you do not name has the default of {@code jresnet
 * train}.
 *
 * <pre>{@code
 * Trainer.Outcome outcome =
 *     Training.on(Path.of("faces")).architecture("resnet18").epochs(5).run(Path.of("runs/r1"));
 * }</pre>
 */
public final class Training {
  private String data;
  private Split.Fractions split = Split.Fractions.DEFAULT;
  private String group = "";
  private String splitCsv = "";
  private String positive = "";
  private boolean sources;
  private String architecture = Architecture.DEFAULT;
  private int width; // 0 for that of the published network
  private String weights = "";
  private boolean newHead;
  private boolean zeroInit;
  private List<String> freeze = List.of();
  private BackendKind backend = BackendKind.AUTO;
  private Optional<Precision> precision = Optional.empty();
  private int checkpointBlocks;
  private Preprocess preprocess = new Preprocess(224, Preprocess.Mode.STRETCH);
  private Augmentation augmentation = Augmentation.NONE.withFlip(0.5);
  private PixelScale pixels = PixelScale.IMAGENET;
  private BadImages badImages = BadImages.SKIP;
  private int loaderThreads = Classifier.LOADER_THREADS;
  private int shuffleWindow;
  private int epochs = 10;
  private int batch = 32;
  private int accumulate = 1;
  private LastBatch lastBatch = LastBatch.DROP;
  private OptimizerOptions.Kind optimizer = OptimizerOptions.Kind.ADAM;
  private double learningRate = 1e-3;
  private double beta1 = 0.9;
  private double beta2 = 0.999;
  private double eps = 1e-8;
  private double momentum = 0.9;
  private double weightDecay;
  private ScheduleOptions.Kind schedule = ScheduleOptions.Kind.CONSTANT;
  private double warmup;
  private double stepEpochs = 30;
  private double gamma = 0.1;
  private double finalFactor;
  private double labelSmoothing;
  private String classWeights = "none";
  private double clip;
  private int patience;
  private long seed = 42;
  private ParallelOptions parallel = ParallelOptions.SOLO;

  private Training() {}

  /** On a folder with one folder of images per class. */
  public static Training on(Path data) {
    return new Training().data(data);
  }

  /**
   * The run in a folder with its own options, to go on with {@link RunFolder.Existing#RESUME}. Its
   * epochs, patience and what else decides no step may change.
   *
   * @throws UserError when the folder holds no run
   */
  public static Training resume(Path out) {
    return RunFolder.requireRecord(out).options().change();
  }

  /** The data folder, where it has moved. */
  public Training data(Path folder) {
    data = folder.toString();
    return this;
  }

  /** Shares of training, validation and test; 0.7, 0.15 and 0.15 unless you say otherwise. */
  public Training split(double train, double val, double test) {
    split = new Split.Fractions(train, val, test);
    return this;
  }

  /** Regular expression on the path below the data folder; images with one match stay together. */
  public Training group(String regex) {
    group = regex;
    return this;
  }

  /** File with {@code file,class,split} lines that divides the data. */
  public Training splitCsv(String file) {
    splitCsv = file;
    return this;
  }

  /** The class that scores speak for. */
  public Training positive(String name) {
    positive = name;
    return this;
  }

  /** Goes on where all classes are generated images: tells sources of fakes apart. */
  public Training sources() {
    sources = true;
    return this;
  }

  /** The network, {@code resnet50} unless you say otherwise. */
  public Training architecture(String name) {
    architecture = name;
    return this;
  }

  /** Channels of the stem; those of the published network unless you say otherwise. */
  public Training width(int channels) {
    width = channels;
    return this;
  }

  /** File of weights to start from; empty for random values. */
  public Training weights(String file) {
    weights = file;
    return this;
  }

  /** Starts the classifier anew even if its number of classes fits. */
  public Training newHead() {
    newHead = true;
    return this;
  }

  /** Starts each residual block as the identity. */
  public Training zeroInit() {
    zeroInit = true;
    return this;
  }

  /** Glob patterns on names of parameters that stay; a norm's running statistics with both. */
  public Training freeze(String... patterns) {
    freeze = List.of(patterns);
    return this;
  }

  /** What computes. */
  public Training backend(BackendKind kind) {
    backend = kind;
    return this;
  }

  /** Element types; by default bf16 where the hardware has it, else fp32. */
  public Training precision(Precision type) {
    precision = Optional.of(type);
    return this;
  }

  /** Saves memory: activations inside every so many residual blocks are computed again. */
  public Training checkpointBlocks(int blocks) {
    checkpointBlocks = blocks;
    return this;
  }

  /** Side of the input in pixels; 224 unless you say otherwise. */
  public Training size(int pixels) {
    return preprocess(preprocess.withSize(pixels));
  }

  /** How images become input; stretched to 224 pixels unless you say otherwise. */
  public Training preprocess(Preprocess how) {
    preprocess = how;
    return this;
  }

  /** Random changes of training images; a horizontal flip of every second one by default. */
  public Training augmentation(Augmentation changes) {
    augmentation = changes;
    return this;
  }

  /** What pixel values become; standardised as for ImageNet weights unless you say otherwise. */
  public Training pixels(PixelScale scale) {
    pixels = scale;
    return this;
  }

  /** What happens at an image that cannot be decoded; it is skipped and listed by default. */
  public Training badImages(BadImages what) {
    badImages = what;
    return this;
  }

  /** Threads that decode images. */
  public Training loaderThreads(int threads) {
    loaderThreads = threads;
    return this;
  }

  /** Images of shards that are shuffled together; 0, the default: all, wherever they lie. */
  public Training shuffleWindow(int images) {
    shuffleWindow = images;
    return this;
  }

  /** Passes over the training part; 10 unless you say otherwise. */
  public Training epochs(int passes) {
    epochs = passes;
    return this;
  }

  /** Images per pass; 32 unless you say otherwise. */
  public Training batch(int images) {
    batch = images;
    return this;
  }

  /** Batches whose gradients make one step. */
  public Training accumulate(int batches) {
    accumulate = batches;
    return this;
  }

  /** What happens to the images of an epoch that fill no batch; left out by default. */
  public Training lastBatch(LastBatch what) {
    lastBatch = what;
    return this;
  }

  /** The update rule, Adam unless you say otherwise. */
  public Training optimizer(OptimizerOptions.Kind kind) {
    optimizer = kind;
    return this;
  }

  /** Learning rate; 0.001 unless you say otherwise. */
  public Training learningRate(double rate) {
    learningRate = rate;
    return this;
  }

  /** Adam's decay rates of the first and second moment. */
  public Training betas(double first, double second) {
    beta1 = first;
    beta2 = second;
    return this;
  }

  /** What Adam adds to the root of the second moment. */
  public Training eps(double added) {
    eps = added;
    return this;
  }

  /** Momentum of SGD. */
  public Training momentum(double factor) {
    momentum = factor;
    return this;
  }

  /** L2 for Adam and SGD, decoupled for AdamW. */
  public Training weightDecay(double factor) {
    weightDecay = factor;
    return this;
  }

  /** Course of the learning rate, constant unless you say otherwise. */
  public Training schedule(ScheduleOptions.Kind kind) {
    schedule = kind;
    return this;
  }

  /** Epochs in which the learning rate grows linearly from nearly 0. */
  public Training warmup(double passes) {
    warmup = passes;
    return this;
  }

  /** Epochs between two drops of the schedule STEP, and the factor of each. */
  public Training stepDecay(double passes, double factor) {
    stepEpochs = passes;
    gamma = factor;
    return this;
  }

  /** End of the schedule COSINE, as a share of the learning rate. */
  public Training finalFactor(double share) {
    finalFactor = share;
    return this;
  }

  /** Share of the target that is spread over all classes. */
  public Training labelSmoothing(double share) {
    labelSmoothing = share;
    return this;
  }

  /** {@code none}, {@code balanced}, or one number per class separated by commas. */
  public Training classWeights(String text) {
    classWeights = text;
    return this;
  }

  /** Largest norm of the gradient; 0, the default, switches clipping off. */
  public Training clip(double norm) {
    clip = norm;
    return this;
  }

  /** Epochs without improvement after which training stops; 0, the default: never. */
  public Training patience(int passes) {
    patience = passes;
    return this;
  }

  /** Seed of split, order, augmentation and initialisation. */
  public Training seed(long value) {
    seed = value;
    return this;
  }

  /** How several processes share the run; one does it all unless you say otherwise. */
  public Training parallel(ParallelOptions how) {
    parallel = how;
    return this;
  }

  /** The options as a run records them, on a backend that is open. */
  public TrainOptions options(BackendKind kind, Precision type) {
    return options(preprocess, kind, type);
  }

  private TrainOptions options(Preprocess images, BackendKind kind, Precision type) {
    int stem = width == 0 ? Architecture.of(architecture).width() : width;
    return new TrainOptions(
        data,
        new TrainOptions.SplitOptions(split.train(), split.val(), split.test(), group, splitCsv),
        new TrainOptions.NetworkOptions(
            architecture, stem, weights, newHead, zeroInit, freeze, kind, type, checkpointBlocks),
        new TrainOptions.InputOptions(
            images, augmentation, badImages, loaderThreads, pixels, shuffleWindow),
        epochs,
        batch,
        accumulate,
        new OptimizerOptions(optimizer, learningRate, beta1, beta2, eps, momentum, weightDecay),
        new ScheduleOptions(schedule, warmup, stepEpochs, gamma, finalFactor),
        new TrainOptions.LossOptions(labelSmoothing, classWeights),
        clip,
        patience,
        seed,
        lastBatch,
        positive,
        sources,
        parallel);
  }

  /** The options of a run whose backend and precision are known. */
  TrainOptions options() {
    return options(backend, precision.orElseThrow());
  }

  /**
   * Trains: epochs of steps with validation after each, the best epoch kept. The test set stays
   * sealed, see {@link SealedTest}. The folder then holds the weights ({@code best.safetensors},
   * see {@link Classifier#open(Path)}), a checkpoint, and the record of the run.
   *
   * @param out a folder that is empty or not there yet
   * @throws UserError saying what is wrong with the options, data or folder
   */
  public Trainer.Outcome run(Path out) {
    return run(out, RunFolder.Existing.REFUSE, note -> {});
  }

  /** The same in a folder that may hold a run, telling a listener how it goes. */
  public Trainer.Outcome run(Path out, RunFolder.Existing existing, TrainingListener listener) {
    try (RunFolder folder = RunFolder.open(out, existing, listener::note);
        Compute compute = Compute.open(backend, precision, BackendSettings.defaults())) {
      return trainer(folder, compute, listener).run(Trainer.Contents.CHECKED);
    }
  }

  /** The run that {@link #run} starts, to be started and stopped by you. */
  public Trainer trainer(RunFolder folder, Compute compute, TrainingListener listener) {
    // Not kept: another run has another backend, and a decoder of its own.
    Preprocess images = JpegDecoders.open(preprocess, compute.backend());
    TrainOptions resolved = options(images, compute.kind(), compute.precision());
    return new Trainer(resolved, folder, compute.backend(), listener);
  }
}
