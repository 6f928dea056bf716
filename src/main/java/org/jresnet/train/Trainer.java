package org.jresnet.train;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jresnet.backend.Backend;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.ClassStatistics;
import org.jresnet.data.ContentHashes;
import org.jresnet.data.Dataset;
import org.jresnet.data.Duplicates;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.ImageInfo;
import org.jresnet.data.ImageNotes;
import org.jresnet.data.Loader;
import org.jresnet.data.Sample;
import org.jresnet.data.Split;
import org.jresnet.data.Split.Part;
import org.jresnet.data.shards.PixelForm;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.Exchange;
import org.jresnet.distributed.Solo;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.GradientExchange;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.graph.Graph;
import org.jresnet.loss.Objective;
import org.jresnet.metrics.Proportion;
import org.jresnet.models.Architecture;
import org.jresnet.weights.ModelInfo;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;

/**
 * A training run: epochs of steps, validation after each, the best epoch kept. The test set is
 * sealed, see {@link SealedTest}: none of its files is decoded. An interrupted and resumed run ends
 * in the same bytes as an uninterrupted one (same backend and threads).
 */
public final class Trainer {
  /** Images per validation pass; larger ones only cost memory. */
  private static final int MAX_EVALUATION_BATCH = 16;

  /** What is done about the contents of images. */
  public enum Contents {
    /** Read once, recorded, and compared when the run is resumed. */
    CHECKED,
    /** Not read: quicker for large sets on slow disks. */
    TRUSTED
  }

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
   * @param validation correct predictions of the best epoch on the validation part
   * @param calibration of the best epoch on the validation part, if one is complete
   * @param dataUse images left out, and looks at the test set
   */
  public record Outcome(
      End end,
      List<EpochResult> history,
      Optional<EpochResult> best,
      Optional<Proportion> validation,
      Optional<ModelCalibration> calibration,
      DataUse dataUse) {}

  private final TrainOptions options;
  private final RunFolder folder;
  private final Backend backend;
  private final TrainingListener listener;
  private final StopRequest stop = new StopRequest();
  private TelemetryOptions telemetry = TelemetryOptions.OFF;
  private Ranks ranks = new Ranks(Solo.INSTANCE, Exchange.AUTO);

  /** A run with options whose {@code auto}s are resolved. */
  public Trainer(
      TrainOptions options, RunFolder folder, Backend backend, TrainingListener listener) {
    this.options = options;
    this.folder = folder;
    this.backend = backend;
    this.listener = listener;
  }

  /** Says what is to be seen of the steps; nothing unless you call this before {@link #run}. */
  public Trainer telemetry(TelemetryOptions seen) {
    telemetry = seen;
    return this;
  }

  /**
   * Says who shares the run; nobody unless you call this before {@link #run}. Every rank runs a
   * trainer with the same options, in which {@link TrainOptions#parallel} says how many there are;
   * all but rank 0 {@link RunFolder#follow} the folder.
   *
   * @param exchange what carries gradients
   */
  public Trainer ranks(Communicator all, Exchange exchange) {
    ranks = new Ranks(all, exchange);
    return this;
  }

  /**
   * Asks the run to stop after the current step with a checkpoint; may be called from any thread.
   */
  public void requestStop() {
    stop.request();
  }

  /** Seconds after which a run that was asked to stop should have: three steps, and a minute. */
  public long stopSeconds() {
    return stop.seconds();
  }

  /** What is lost if the process ends now; may be called from any thread. */
  public String lostByEndingNow() {
    return stop.lost();
  }

  /**
   * Runs to the end, or until {@link #requestStop}. Data, options and weights are checked before
   * the folder changes.
   */
  public Outcome run(Contents reading) {
    boolean resume = folder.existing() == RunFolder.Existing.RESUME;
    Split split = split();
    List<Sample> train = split.part(Part.TRAIN);
    ranks.requireImages(options, split);
    int share = train.size() / ranks.size();
    int batch = Math.min(options.batch(), share);
    if (batch < options.batch()) {
      listener.note(
          Text.format(
              "the batch is %s, because there are only %s training images%s",
              batch, batch, ranks.several() ? " for each rank" : ""));
    }
    List<Path> images = train.stream().map(Sample::file).toList();
    PixelForm.notes(images, options.input().preprocess(), options.input().augmentation())
        .forEach(listener::note);
    ContentHashes hashes = folder.hashes(stop::requested);
    Map<String, String> contents = contents(split, reading, hashes);
    String positive = new Evaluator.Labels(split.classes(), options.positive()).positive();
    long onCpu = 0;
    if (!resume && ranks.leads()) {
      leftOut().ifPresent(listener::note);
      DataReport report = report(split, positive, contents);
      listener.data(report);
      List<ImageInfo> infos = report.statistics().images();
      ImageNotes.of(infos, options.input().preprocess()).forEach(listener::note);
      onCpu = ImageNotes.onCpu(infos, options.input().preprocess());
    }
    Architecture network = Architecture.of(options.network().model());
    Graph graph = network.graph(split.classes().size(), options.network().width());
    Set<String> frozen = Freezing.names(graph, options.network().freeze());
    ModelInfo published =
        ModelFiles.info(
            network, options.network().width(), split.classes(), options.input().preprocess());
    ModelInfo info = options.input().pixels().of(published);
    RunRecord record =
        record(options.change().positive(positive).options(), split, contents, onCpu);
    ranks.requireEqual(Ranks.Common.of(record, folder.existing()));
    Optional<CheckpointFile> checkpoint = Optional.empty();
    Checkpoint start = Checkpoint.START;
    if (resume && ranks.leads()) {
      CheckpointFile file = CheckpointFile.read(folder.file(RunFolder.LAST));
      RunRecord then = folder.record();
      ResumeCheck.require(folder.path(), then, file.run(), record, listener);
      checkpoint = Optional.of(file);
      start = file.position();
      record = record.withDataUse(then.dataUse()).withRanks(then.ranks());
      noteLooks(record.dataUse().testLooks(), start.epoch());
    }
    start = ranks.fromLead(start, Checkpoint.class);
    record = ranks.fromLead(record, RunRecord.class);
    int before = RankUse.last(record.ranks());
    record = record.withRanks(RankUse.after(record, start, batch));
    stop.check();
    int size = options.input().preprocess().size();
    try (Model model = new Model(graph, backend, options.network().precision());
        OptimizerState optimizer = new OptimizerState(model, options.optimizer().rule(), frozen);
        Telemetry seen = new Telemetry(telemetry, model, optimizer, frozen, size, listener::note)) {
      initialize(model, graph);
      checkpoint.ifPresent(
          file -> {
            file.restore(model, optimizer);
            backend.choose(file.choices());
          });
      stop.check();
      ranks.spread(model, optimizer);
      CompileOptions plain =
          CompileOptions.training(batch, size, ModelFiles.normalization(info))
              .withObjective(
                  new Objective.CrossEntropy(
                      options.loss().labelSmoothing(),
                      ClassWeights.of(options.loss().classWeights(), split)))
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
              options.input().badImages(),
              ranks.shuffle(options.input().shuffleWindow()));
      if (options.parallel().syncNorm()) {
        ranks.synchronizeNorms(backend);
      }
      try (GradientExchange exchange = ranks.exchange(model, frozen, options.parallel());
          Executable step =
              ranks.leadFirst(
                  backend,
                  () -> Executable.compile(model, seen.watch(overlapped(plain, exchange))));
          Executable lastStep = ranks.leadFirst(backend, () -> lastStep(step, share));
          Executable validation =
              ranks.leadFirst(backend, () -> step.compileSharingMemory(inference));
          Loader loader =
              new Loader(
                  train, options.input().preprocess(), options.input().augmentation(), loading)) {
        RunJournal journal = new RunJournal(folder, record, split);
        RunContext run =
            new RunContext(options, RunIdentity.of(record), journal, listener, stop, ranks);
        var machinery =
            new TrainingLoop.Machinery(
                model,
                optimizer,
                step,
                Optional.ofNullable(lastStep),
                validation,
                loader,
                seen,
                Optional.ofNullable(exchange));
        TrainingLoop loop = new TrainingLoop(run, machinery, split, info);
        Checkpoint position = loop.require(start, before);
        stop.check();
        if (folder.leads()) {
          folder.begin(record, split, hashes, contents);
        }
        seen.begin();
        try {
          return loop.from(position);
        } finally {
          if (exchange != null) {
            // Nothing that is closed now may wait for ranks that do not come.
            exchange.leave();
          }
        }
      }
    }
  }

  /** Where gradients are accumulated first, no step begins to exchange them. */
  private CompileOptions overlapped(CompileOptions step, GradientExchange exchange) {
    return exchange == null || options.accumulate() > 1 ? step : step.withExchange(exchange);
  }

  private void noteLooks(List<DataUse.TestLook> looks, int epoch) {
    if (!looks.isEmpty() && options.epochs() > epoch) {
      listener.note(
          Text.format(
              "the test set of this run was looked at %s, last after epoch %s: what is decided "
                  + "from here on has seen it, so that its next result is no longer"
                  + " "
                  + "that of unseen images. The run goes on, and run.json records every look",
              looks.size() == 1 ? "once" : looks.size() + " times",
              looks.get(looks.size() - 1).epochs()));
    }
  }

  private DataReport report(Split split, String positive, Map<String, String> contents) {
    // Of test files only the bytes are compared: nothing that is decided here may come from them.
    List<Sample> open =
        Stream.of(Part.TRAIN, Part.VAL).flatMap(part -> split.part(part).stream()).toList();
    ClassStatistics statistics =
        ClassStatistics.read(
            split.classes(), open, done -> listener.reading(done, open.size()), stop::requested);
    return new DataReport(
        split,
        positive,
        options.leftOutPerEpoch(split.part(Part.TRAIN).size()),
        statistics,
        Duplicates.of(split.all(), contents));
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
          Text.format(
              "the last batch of an epoch has %s of %s images and cannot be trained on: %s; choose "
                  + "another --batch, or leave it out with --drop-last",
              rest, step.options().batch(), e.getMessage()),
          e);
    }
  }

  /** Hashes of all images, by id; none where their contents are trusted. */
  private Map<String, String> contents(Split split, Contents reading, ContentHashes hashes) {
    if (reading == Contents.CHECKED) {
      return hashes.of(RunRecord.samples(split), options.input().threads());
    }
    listener.note("the contents of the images are trusted, not checked");
    return Map.of();
  }

  private RunRecord record(
      TrainOptions resolved, Split split, Map<String, String> contents, long onCpu) {
    int leftOut = options.leftOutPerEpoch(split.part(Part.TRAIN).size());
    RunRecord record =
        RunRecord.of(resolved, split, backend, stop::requested)
            .withDataUse(DataUse.start(leftOut, onCpu));
    if (!contents.isEmpty()) {
      return record.withContents(ContentHashes.combined(contents));
    }
    return folder.existing() == RunFolder.Existing.RESUME && ranks.leads()
        ? record.withContents(folder.record().contentHash())
        : record;
  }

  private Split split() {
    TrainOptions.SplitOptions s = options.split();
    Path root = ImageFolder.expand(options.data());
    Split split =
        s.csv().isEmpty()
            ? Split.of(root, s.fractions(), options.seed(), s.group())
            : Split.readCsv(Path.of(s.csv()), root);
    new Dataset(split.classes(), split.all(), 0)
        .onlyFakes()
        .ifPresent(text -> requireSources(text, split.classes()));
    return split;
  }

  /** Sources of fakes are told apart only for who has said that this is meant. */
  private void requireSources(String onlyFakes, List<String> classes) {
    if (!options.sources() && folder.existing() != RunFolder.Existing.RESUME) {
      throw new UserError(
          Text.format(
              "%s. If telling the sources apart is what you want, say --sources", onlyFakes));
    }
    listener.note(
        Text.format(
            "this run tells sources of generated images apart, %s, not real from fake", classes));
  }

  private Optional<String> leftOut() {
    // Where a list names the images, the rest of the folder is nobody's business.
    return options.split().csv().isEmpty()
        ? ImageFolder.leftOut(ImageFolder.expand(options.data())).note()
        : Optional.empty();
  }

  private void initialize(Model model, Graph graph) {
    TrainOptions.NetworkOptions n = options.network();
    model.initialize(options.seed(), n.zeroInit() ? Model.BlockEnd.ZERO : Model.BlockEnd.ONE);
    if (!n.weights().isEmpty()) {
      StateDict weights =
          WeightFiles.read(
              ModelFiles.file(Path.of(n.weights())),
              KnownNetworks.wanted(Optional.of(graph.name()), Optional.empty()));
      weights.notes().forEach(note -> listener.note(Text.format("%s: %s", n.weights(), note)));
      StateDict fitting = ModelFiles.forTraining(weights, graph, n.newHead(), listener::note);
      ModelFiles.load(model, ModelFiles.withHead(fitting, model), n.weights())
          .forEach(listener::note);
    }
  }
}
