package org.jresnet.train;

import static java.util.Objects.requireNonNull;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import org.jresnet.backend.Precision;
import org.jresnet.backend.UpdateRule;
import org.jresnet.base.JsonField;
import org.jresnet.base.Named;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Loader;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Split;
import org.jresnet.engine.BackendKind;
import org.jresnet.models.Architecture;

/**
 * Everything that decides the result of a training run; stored in {@code run.json}.
 *
 * @param data the data folder
 * @param split how it is divided
 * @param network what is trained
 * @param input how images become input
 * @param epochs passes over the training part
 * @param batch images per forward and backward pass, of each rank
 * @param accumulate passes whose gradients are added up before a step
 * @param optimizer the update rule
 * @param schedule learning rate over time
 * @param loss the loss
 * @param clip largest norm of the gradient; 0 switches clipping off
 * @param patience epochs without improvement after which training stops; 0 switches early stopping
 *     off
 * @param seed of split, order, augmentation and initialisation
 * @param lastBatch what happens to the images of an epoch that do not fill a batch; runs recorded
 *     before the option existed have dropped them
 * @param positive the class that a score speaks for; empty for the one that {@link
 *     org.jresnet.data.Dataset#positive} finds
 * @param sources whether classes that are all generated may be told apart
 * @param parallel how ranks share the run
 */
public record TrainOptions(
    String data,
    SplitOptions split,
    NetworkOptions network,
    InputOptions input,
    int epochs,
    int batch,
    int accumulate,
    OptimizerOptions optimizer,
    ScheduleOptions schedule,
    LossOptions loss,
    double clip,
    int patience,
    long seed,
    @JsonField(whenAbsent = "\"DROP\"") Loader.LastBatch lastBatch,
    @JsonField(whenAbsent = "\"\"") String positive,
    @JsonField(whenAbsent = "false") boolean sources,
    @JsonField(whenAbsent = ParallelOptions.ONE) ParallelOptions parallel) {
  /** Checks the numbers. */
  public TrainOptions {
    requirePath("data", data);
    require(epochs >= 1, "epochs", "at least 1", epochs);
    require(batch >= 1, "batch", "at least 1", batch);
    require(accumulate >= 1, "accumulate", "at least 1", accumulate);
    require(clip >= 0 && Double.isFinite(clip), "clip", "0 (off) or greater", clip);
    require(patience >= 0, "patience", "0 (off) or greater", patience);
    require(
        parallel.scaleLr() == ParallelOptions.ScaleLr.NONE || schedule.warmupEpochs > 0,
        "warmup",
        "greater than 0 with --scale-lr linear, such as 5",
        schedule.warmupEpochs);
  }

  /** What they say, to be changed by name. */
  public Training change() {
    Training t = Training.on(Path.of(data));
    if (network.newHead) {
      t.newHead();
    }
    if (network.zeroInit) {
      t.zeroInit();
    }
    if (sources) {
      t.sources();
    }
    t.split(split.train, split.val, split.test).group(split.group).splitCsv(split.csv);
    t.positive(positive);
    t.architecture(network.model).width(network.width).weights(network.weights);
    t.freeze(network.freeze.toArray(String[]::new)).checkpointBlocks(network.checkpointBlocks);
    t.backend(network.backend).precision(network.precision);
    t.preprocess(input.preprocess).augmentation(input.augmentation);
    t.badImages(input.badImages).loaderThreads(input.threads).pixels(input.pixels);
    t.shuffleWindow(input.shuffleWindow);
    t.epochs(epochs).batch(batch).accumulate(accumulate).lastBatch(lastBatch);
    t.optimizer(optimizer.kind).learningRate(optimizer.learningRate).eps(optimizer.eps);
    t.betas(optimizer.beta1, optimizer.beta2).momentum(optimizer.momentum);
    t.weightDecay(optimizer.weightDecay);
    t.schedule(schedule.kind).warmup(schedule.warmupEpochs);
    t.stepDecay(schedule.stepEpochs, schedule.gamma).finalFactor(schedule.finalFactor);
    t.labelSmoothing(loss.labelSmoothing).classWeights(loss.classWeights);
    return t.clip(clip).patience(patience).seed(seed).parallel(parallel);
  }

  /** Of so many training images, those that an epoch does not see; others in each epoch. */
  int leftOutPerEpoch(int images) {
    int share = images / parallel.ranks();
    if (lastBatch == Loader.LastBatch.KEEP) {
      return images - share * parallel.ranks();
    }
    int size = Math.min(batch, share);
    return images - share / size / accumulate * accumulate * size * parallel.ranks();
  }

  /** Options that decide the same steps are equal, without what decides none. */
  TrainOptions steps() {
    Training t = change().positive("").loaderThreads(1).checkpointBlocks(0).patience(0);
    // A run may go on with another number of ranks; its record says so.
    t.parallel(parallel.withRanks(1));
    if (schedule.kind != ScheduleOptions.Kind.COSINE) {
      t.epochs(1);
    }
    return t.data(Path.of("")).options();
  }

  private static void requirePath(String name, String path) {
    try {
      requireNonNull(Path.of(path));
    } catch (InvalidPathException e) {
      throw new UserError(
          Text.format("%s must be a path, found one with %s", name, e.getReason()), e);
    }
  }

  private static void require(boolean met, String name, String expected, Object found) {
    if (!met) {
      throw new UserError(Text.format("%s must be %s, found %s", name, expected, found));
    }
  }

  /**
   * Division of the data.
   *
   * @param train share of training
   * @param val share of validation
   * @param test share of the test set
   * @param group regular expression whose matches stay together; empty for none
   * @param csv file with {@code file,class,split} lines that decides instead; empty for none
   */
  public record SplitOptions(double train, double val, double test, String group, String csv) {
    /** Checks the shares. */
    public SplitOptions {
      Split.Fractions.check(train, val, test);
      requirePath("the split file", csv);
    }

    /** The pattern by which the images were divided; empty where there was none, or a list did. */
    public String dividedBy() {
      return csv.isEmpty() ? group : "";
    }

    /** The shares. */
    public Split.Fractions fractions() {
      return new Split.Fractions(train, val, test);
    }
  }

  /**
   * The network.
   *
   * @param model such as {@code resnet50}
   * @param width channels of the stem, 64 in the published networks
   * @param weights file to start from; empty to start from random values
   * @param newHead whether the classifier starts anew even where its shape fits
   * @param zeroInit whether each block starts as the identity
   * @param freeze glob patterns on parameter names that stay as they are
   * @param backend what computes
   * @param precision element types
   * @param checkpointBlocks activations inside every so many residual blocks are computed again in
   *     backward, 0 keeps all; no influence on the result
   */
  public record NetworkOptions(
      String model,
      int width,
      String weights,
      boolean newHead,
      boolean zeroInit,
      List<String> freeze,
      BackendKind backend,
      Precision precision,
      @JsonField(whenAbsent = "0") int checkpointBlocks) {
    /** Checks the names and numbers and copies the patterns. */
    public NetworkOptions {
      Architecture.of(model);
      freeze = List.copyOf(freeze);
      require(width >= 1, "width", "at least 1", width);
      require(checkpointBlocks >= 0, "checkpoint-blocks", "at least 0", checkpointBlocks);
      requirePath("weights", weights);
    }
  }

  /**
   * The images' way.
   *
   * @param preprocess size and resize mode
   * @param augmentation random changes of training images
   * @param badImages what happens at an image that cannot be decoded
   * @param threads decoding threads; no influence on the result
   * @param pixels what pixel values become
   * @param shuffleWindow as in {@link org.jresnet.data.Shuffle}
   */
  public record InputOptions(
      Preprocess preprocess,
      Augmentation augmentation,
      BadImages badImages,
      int threads,
      @JsonField(whenAbsent = "\"imagenet\"") PixelScale pixels,
      @JsonField(whenAbsent = "0") int shuffleWindow) {
    /** Checks the numbers. */
    public InputOptions {
      require(shuffleWindow >= 0, "shuffle-window", "at least 0", shuffleWindow);
      require(threads >= 1, "loader threads", "at least 1", threads);
    }
  }

  /**
   * The update rule.
   *
   * @param kind which rule
   * @param learningRate base learning rate
   * @param beta1 decay of the first moment
   * @param beta2 decay of the second moment
   * @param eps added to the root of the second moment
   * @param momentum of SGD
   * @param weightDecay L2 (adam, sgd) or decoupled (adamw)
   */
  public record OptimizerOptions(
      Kind kind,
      double learningRate,
      double beta1,
      double beta2,
      double eps,
      double momentum,
      double weightDecay) {
    /** Update rules; see {@link UpdateRule}. */
    public enum Kind implements Named {
      /** Adam with L2 weight decay. */
      ADAM,
      /** Adam with decoupled weight decay. */
      ADAMW,
      /** Gradient descent with momentum. */
      SGD;
    }

    /** Checks the numbers. */
    public OptimizerOptions {
      require(
          learningRate > 0 && Double.isFinite(learningRate), "lr", "greater than 0", learningRate);
      require(beta1 >= 0 && beta1 < 1, "the first beta", "in [0, 1)", beta1);
      require(beta2 >= 0 && beta2 < 1, "the second beta", "in [0, 1)", beta2);
      require(eps > 0 && eps < 1, "eps", "between 0 and 1", eps);
      require(momentum >= 0 && momentum < 1, "momentum", "in [0, 1)", momentum);
      require(weightDecay >= 0 && weightDecay < 1, "weight decay", "in [0, 1)", weightDecay);
    }

    /** The rule, for the engine. */
    public UpdateRule rule() {
      return switch (kind) {
        case ADAM -> new UpdateRule.Adam(beta1, beta2, eps, weightDecay);
        case ADAMW -> new UpdateRule.AdamW(beta1, beta2, eps, weightDecay);
        case SGD -> new UpdateRule.Sgd(momentum, weightDecay);
      };
    }
  }

  /**
   * Learning rate over time.
   *
   * @param kind which course
   * @param warmupEpochs epochs in which the rate grows linearly from nearly zero
   * @param stepEpochs epochs between two drops of {@code step}
   * @param gamma factor of a drop
   * @param finalFactor share of the base rate at the end of {@code cosine}
   */
  public record ScheduleOptions(
      Kind kind, double warmupEpochs, double stepEpochs, double gamma, double finalFactor) {
    /** Courses of the learning rate; see {@link Schedule}. */
    public enum Kind implements Named {
      /** The same all the time. */
      CONSTANT,
      /** Drops by a factor from time to time. */
      STEP,
      /** Falls along half a cosine. */
      COSINE;
    }

    /** Checks the numbers. */
    public ScheduleOptions {
      require(
          warmupEpochs >= 0 && Double.isFinite(warmupEpochs),
          "warmup",
          "0 or greater",
          warmupEpochs);
      require(
          stepEpochs > 0 && Double.isFinite(stepEpochs),
          "step epochs",
          "greater than 0",
          stepEpochs);
      require(gamma > 0 && gamma <= 1, "gamma", "in (0, 1]", gamma);
      require(finalFactor >= 0 && finalFactor <= 1, "final factor", "in [0, 1]", finalFactor);
    }
  }

  /**
   * The loss.
   *
   * @param labelSmoothing share of the target that is spread over all classes
   * @param classWeights {@code none}, {@code balanced}, or one number per class separated by commas
   */
  public record LossOptions(double labelSmoothing, String classWeights) {
    /** Checks the smoothing; the weights need the number of classes. */
    public LossOptions {
      require(
          labelSmoothing >= 0 && labelSmoothing < 1,
          "label smoothing",
          "in [0, 1)",
          labelSmoothing);
    }
  }
}
