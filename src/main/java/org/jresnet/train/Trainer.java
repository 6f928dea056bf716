package org.jresnet.train;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.UpdateRule;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.UserError;
import org.jresnet.data.ClassStatistics;
import org.jresnet.data.Dataset;
import org.jresnet.data.Duplicates;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.ImageNotes;
import org.jresnet.data.Loader;
import org.jresnet.data.Sample;
import org.jresnet.data.Split;
import org.jresnet.data.Split.Part;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.graph.Graph;
import org.jresnet.models.ResNet;
import org.jresnet.train.TrainOptions.OptimizerOptions;
import org.jresnet.weights.ModelInfo;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;

/**
 * A training run: epochs of steps, validation after each, the best epoch kept, the sealed part
 * judged once in the end. An interrupted and resumed run ends in the same bytes as an uninterrupted
 * one (same backend and threads).
 */
public final class Trainer {
  /** Pictures per validation pass; larger ones only cost memory. */
  private static final int MAX_EVALUATION_BATCH = 16;

  /** How a run ended. */
  public enum End {
    /** All epochs are done. */
    COMPLETED,
    /** No improvement for the given number of epochs. */
    STOPPED_EARLY,
    /** Asked to stop; {@code --resume} goes on from here. */
    INTERRUPTED
  }

  /**
   * What came out.
   *
   * @param end how the run ended
   * @param history results of all epochs so far
   * @param best the best epoch, if one is complete
   * @param test the best epoch on the sealed part, if there is one and the run is over
   * @param badImages training files that could not be decoded
   */
  public record Outcome(
      End end,
      List<EpochResult> history,
      Optional<EpochResult> best,
      Optional<Evaluation> test,
      Map<String, String> badImages) {}

  private final TrainOptions options;
  private final RunFolder folder;
  private final Backend backend;
  private final String version;
  private final TrainingListener listener;
  private volatile boolean stopRequested;

  /** A run with options whose {@code auto}s are resolved. */
  public Trainer(
      TrainOptions options,
      RunFolder folder,
      Backend backend,
      String version,
      TrainingListener listener) {
    this.options = options;
    this.folder = folder;
    this.backend = backend;
    this.version = version;
    this.listener = listener;
  }

  /**
   * Asks the run to stop after the current step with a checkpoint; may be called from any thread.
   */
  public void requestStop() {
    stopRequested = true;
  }

  /** Runs to the end, or until {@link #requestStop}. */
  public Outcome run(RunFolder.Existing existing) {
    Split split = split();
    List<Sample> train = split.part(Part.TRAIN);
    int batch = Math.min(options.batch(), train.size());
    if (batch < options.batch()) {
      listener.note(
          "the batch is " + batch + ", because there are only " + batch + " training pictures");
    }
    String positive = new Evaluator.Labels(split.classes(), options.positive()).positive();
    if (existing != RunFolder.Existing.RESUME) {
      leftOut().ifPresent(listener::note);
      DataReport report = report(split, positive);
      listener.data(report);
      ImageNotes.of(report.statistics().images(), options.input().preprocess())
          .forEach(listener::note);
    }
    ResNet network = ResNet.of(options.network().model());
    Graph graph = network.graph(split.classes().size(), options.network().width());
    Set<String> frozen = Freezing.names(graph, options.network().freeze());
    ModelInfo info =
        ModelFiles.info(
            network, options.network().width(), split.classes(), options.input().preprocess());
    RunRecord record = RunRecord.of(options.withPositive(positive), split, version, backend);
    if (existing == RunFolder.Existing.RESUME) {
      ResumeCheck.require(folder.path(), folder.record(), record, listener);
    }
    int size = options.input().preprocess().size();
    try (Model model = new Model(graph, backend, Precision.of(options.network().precision()));
        OptimizerState optimizer =
            new OptimizerState(model, optimizer(options.optimizer()), frozen)) {
      initialize(model, graph);
      Checkpoint start = Checkpoint.START;
      if (existing == RunFolder.Existing.RESUME) {
        start = Checkpoint.load(folder.file(RunFolder.LAST), model, optimizer);
      }
      CompileOptions training =
          CompileOptions.training(batch, size, ModelFiles.normalization(info))
              .withLoss(
                  options.loss().labelSmoothing(),
                  ClassWeights.of(options.loss().classWeights(), split))
              .withFrozen(frozen)
              .withCheckpointBlocks(options.network().checkpointBlocks());
      int evaluationBatch = Math.min(MAX_EVALUATION_BATCH, split.part(Part.VAL).size());
      CompileOptions inference =
          CompileOptions.inference(evaluationBatch, size, ModelFiles.normalization(info));
      Loader.Options loading =
          new Loader.Options(
              batch,
              options.input().threads(),
              Loader.Options.PREFETCH,
              options.seed(),
              Loader.Order.SHUFFLED,
              options.lastBatch(),
              options.input().badImages());
      try (Executable step = Executable.compile(model, training);
          Executable lastStep = lastStep(step, train.size());
          Executable validation = step.compileSharingMemory(inference);
          Loader loader =
              new Loader(
                  train, options.input().preprocess(), options.input().augmentation(), loading)) {
        folder.write(record);
        AtomicFile.write(folder.file(RunFolder.SPLIT), String.join("\n", split.csv()) + "\n");
        RunContext run = new RunContext(options, folder, listener, () -> stopRequested);
        var machinery =
            new TrainingLoop.Machinery(
                model, optimizer, step, Optional.ofNullable(lastStep), validation, loader);
        return new TrainingLoop(run, machinery, split, info).from(start);
      }
    }
  }

  private DataReport report(Split split, String positive) {
    List<Sample> all = split.all();
    ClassStatistics statistics =
        ClassStatistics.read(
            split.classes(), all, done -> listener.reading(done, all.size()), () -> stopRequested);
    return new DataReport(
        split,
        positive,
        options.leftOutPerEpoch(split.part(Part.TRAIN).size()),
        statistics,
        Duplicates.of(all, Map.of()));
  }

  /** The step of an epoch's last batch in the memory of the others; null where all are alike. */
  private Executable lastStep(Executable step, int images) {
    int rest = images % step.options().batch();
    if (options.lastBatch() == Loader.LastBatch.DROP || rest == 0) {
      return null;
    }
    try {
      return step.compileSharingMemory(step.options().withBatch(rest));
    } catch (UserError | UnsupportedOperationException e) {
      throw new UserError(
          "the last batch of an epoch has "
              + rest
              + " of "
              + step.options().batch()
              + " images and cannot be trained on: "
              + e.getMessage()
              + "; choose another --batch, or leave it out with --drop-last",
          e);
    }
  }

  private Split split() {
    TrainOptions.SplitOptions s = options.split();
    Path root = ImageFolder.expand(options.data());
    Split split =
        s.csv().isEmpty()
            ? Split.of(root, s.fractions(), options.seed(), s.group())
            : Split.readCsv(Path.of(s.csv()), root);
    new Dataset(split.classes(), split.all(), 0).onlyFakesWarning().ifPresent(listener::note);
    return split;
  }

  private Optional<String> leftOut() {
    // Where a list names the images, the rest of the folder is nobody's business.
    return options.split().csv().isEmpty()
        ? ImageFolder.leftOut(ImageFolder.expand(options.data())).note()
        : Optional.empty();
  }

  private static UpdateRule optimizer(OptimizerOptions o) {
    return switch (o.kind()) {
      case "adam" -> new UpdateRule.Adam(o.beta1(), o.beta2(), o.eps(), o.weightDecay());
      case "adamw" -> new UpdateRule.AdamW(o.beta1(), o.beta2(), o.eps(), o.weightDecay());
      case "sgd" -> new UpdateRule.Sgd(o.momentum(), o.weightDecay());
      default -> throw new IllegalStateException(o.kind());
    };
  }

  private void initialize(Model model, Graph graph) {
    TrainOptions.NetworkOptions n = options.network();
    model.initialize(options.seed(), n.zeroInit() ? Model.BlockEnd.ZERO : Model.BlockEnd.ONE);
    if (!n.weights().isEmpty()) {
      StateDict weights =
          WeightFiles.read(
              ModelFiles.file(Path.of(n.weights())),
              KnownNetworks.wanted(Optional.of(graph.name()), Optional.empty()));
      weights.notes().forEach(note -> listener.note(n.weights() + ": " + note));
      StateDict fitting = ModelFiles.forTraining(weights, graph, n.newHead(), listener::note);
      ModelFiles.load(model, ModelFiles.withHead(fitting, model), n.weights())
          .forEach(listener::note);
    }
  }
}
