package org.jresnet.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jresnet.backend.Precision;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Grouping;
import org.jresnet.data.Loader;
import org.jresnet.data.Sample;
import org.jresnet.data.Split;
import org.jresnet.data.Split.Part;
import org.jresnet.engine.Executable;
import org.jresnet.engine.GradientExchange;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.weights.ModelInfo;

/** The epochs of a run: steps, validation, the best epoch kept, a checkpoint after each. */
final class TrainingLoop {
  /**
   * What computes.
   *
   * @param lastStep the step of an epoch's last, smaller batch, where that is trained on
   * @param exchange of gradients, where several ranks share the run
   */
  record Machinery(
      Model model,
      OptimizerState optimizer,
      Executable step,
      Optional<Executable> lastStep,
      Executable validation,
      Loader loader,
      Telemetry telemetry,
      Optional<GradientExchange> exchange) {}

  /** An evaluation was left because the run is to stop; nothing is lost but the time. */
  private static final class StoppedEvaluation extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  private final TrainOptions options;
  private final RunJournal journal;
  private final RunFolder folder;
  private final Ranks ranks;
  private final TrainingListener listener;
  private final RunIdentity identity;
  private final StopRequest stop;
  private final Model model;
  private final OptimizerState optimizer;
  private final Executable step;
  private final Executable validation;
  private final Loader loader;
  private final Telemetry telemetry;
  private final Split split;
  private final ModelInfo info;
  private final EpochSteps steps;
  private final int batches;
  private final List<EpochResult> history = new ArrayList<>();
  private int bestEpoch;
  private Optional<ModelCalibration> calibration = Optional.empty();
  private String best = "";

  TrainingLoop(RunContext run, Machinery machinery, Split split, ModelInfo info) {
    options = run.options();
    journal = run.journal();
    folder = journal.folder();
    listener = run.listener();
    identity = run.identity();
    stop = run.stop();
    ranks = run.ranks();
    model = machinery.model();
    optimizer = machinery.optimizer();
    step = machinery.step();
    validation = machinery.validation();
    loader = machinery.loader();
    telemetry = machinery.telemetry();
    this.split = split;
    this.info = info;
    // Every image that is seen counts in a step: incomplete groups are left out or make a step.
    batches =
        options.lastBatch() == Loader.LastBatch.KEEP
            ? loader.batches()
            : loader.batches() / options.accumulate() * options.accumulate();
    if (batches == 0) {
      throw new UserError(
          Text.format(
              "there are only %s batches of %s images, fewer than the %s that are accumulated "
                  + "for one step",
              loader.batches(), step.options().batch(), options.accumulate()));
    }
    Schedule schedule =
        new Schedule(
            options.schedule(),
            options.optimizer().learningRate() * options.parallel().rateFactor(),
            (batches + options.accumulate() - 1) / options.accumulate(),
            options.epochs());
    steps = new EpochSteps(run, machinery, schedule, batches, split.classes());
  }

  /**
   * Checks that the run can be there, and that its best weights are what they were.
   *
   * @param ranksBefore how many processes have made the checkpoint
   * @return where it is on the ranks of now
   */
  Checkpoint require(Checkpoint start, int ranksBefore) {
    Checkpoint here = start;
    if (ranksBefore != ranks.size() && start.steps() > 0) {
      here = onOtherRanks(start, ranksBefore);
      listener.note(
          Text.format(
              "the run had %s ranks and goes on with %s, which run.json records: its steps see"
                  + " another number of images from here on%s",
              ranksBefore,
              ranks.size(),
              start.batch() == 0 ? "" : "; what is left of the epoch is divided anew"));
    }
    here.requirePossible(
        folder.file(RunFolder.LAST).toString(),
        new Checkpoint.Limits(
            batches,
            step.options().batch() * ranks.size(),
            split.part(Part.TRAIN).size(),
            options.accumulate(),
            model.precision() == Precision.FP16));
    optimizer.setSteps(here.steps());
    journal.settleBest(here.best());
    return here;
  }

  /**
   * The same place on another number of ranks. Whatever the number, an epoch has seen the first
   * images of its order; what is left of a step of the new size is left out of the epoch.
   */
  private Checkpoint onOtherRanks(Checkpoint start, int ranksBefore) {
    int images = split.part(Part.TRAIN).size();
    int accumulate = options.accumulate();
    if (start.batch() > 0 && options.input().shuffleWindow() > 0) {
      throw new UserError(
          Text.format(
              "the run was stopped within an epoch, by %s ranks, and with --shuffle-window each"
                  + " reads from shards of its own: only so many can finish the epoch; from its end"
                  + " on the run may have %s",
              ranksBefore, ranks.size()));
    }
    long seen =
        (long) start.batch() * Math.min(options.batch(), images / ranksBefore) * ranksBefore;
    long each = (long) step.options().batch() * ranks.size() * accumulate;
    int batch = (int) Math.min(batches, (seen + each - 1) / each * accumulate);
    int perEpoch = (batches + accumulate - 1) / accumulate;
    return start.movedTo(
        batch, (long) start.epoch() * perEpoch + (batch + accumulate - 1) / accumulate);
  }

  Trainer.Outcome from(Checkpoint start) {
    steps.begin(start.lossScale());
    history.addAll(start.history());
    bestEpoch = start.bestEpoch();
    best = start.best();
    if (folder.existing() == RunFolder.Existing.RESUME) {
      stop.saved(start);
      calibration = journal.bestCalibration();
    }
    report();
    Checkpoint position = start;
    for (int epoch = start.epoch(); epoch < options.epochs(); epoch++) {
      if (patienceIsOver()) {
        return outcome(Trainer.End.STOPPED_EARLY);
      }
      Optional<Checkpoint> interrupted = epoch(epoch, position);
      if (interrupted.isPresent()) {
        save(interrupted.get());
        return outcome(Trainer.End.INTERRUPTED);
      }
      position = completed(epoch + 1);
      save(position);
    }
    return outcome(patienceIsOver() ? Trainer.End.STOPPED_EARLY : Trainer.End.COMPLETED);
  }

  /**
   * The checkpoint first: tables and drawings are made from it and can be made again.
   *
   * <p>Ranks compare their weights before, which takes every rank. A rank that died in a step, and
   * may have left anything in the sums of the others, tells no hash of what the step has made: from
   * such a step nothing is saved.
   */
  private void save(Checkpoint position) {
    ranks.requireEqualWeights(model, optimizer);
    journal.save(position, identity, model, optimizer);
    stop.saved(position);
    report();
  }

  private void report() {
    journal.report(history, calibration, listener);
  }

  private Checkpoint completed(int epochs) {
    return at(epochs, 0, 0, 0, 0);
  }

  /** Where an epoch stands whose validation is not done. */
  private Checkpoint within(int epoch) {
    return at(epoch, steps.done(), steps.lossSum(), steps.correct(), steps.seen());
  }

  private Checkpoint at(int epoch, int batch, double lossSum, long correct, long seen) {
    return new Checkpoint(
        epoch,
        batch,
        lossSum,
        correct,
        seen,
        optimizer.steps(),
        steps.lossScale(),
        bestEpoch,
        history,
        best);
  }

  private boolean patienceIsOver() {
    return options.patience() > 0
        && bestEpoch > 0
        && history.size() - bestEpoch >= options.patience();
  }

  /** One epoch with validation; where it was interrupted, if it was. */
  private Optional<Checkpoint> epoch(int epoch, Checkpoint position) {
    listener.epochStarted(epoch + 1, options.epochs(), position.batch(), batches);
    if (!steps.run(epoch, position)) {
      return Optional.of(within(epoch));
    }
    long begin = steps.beginNanos();
    double trainSeconds = Math.max(1, System.nanoTime() - begin) / 1e9;
    Evaluation val;
    try {
      val = validate();
    } catch (StoppedEvaluation e) {
      return Optional.of(within(epoch));
    }
    journal.leftOut(Part.TRAIN, Shares.messages(loader.badImages(), ranks.communicator()));
    journal.leftOut(Part.VAL, val.badImages());
    EpochResult result =
        new EpochResult(
            epoch + 1,
            steps.rate(),
            steps.lossSum() / steps.seen(),
            (double) steps.correct() / steps.seen(),
            val.loss(),
            val.confusion().accuracy().share(),
            steps.fresh() / trainSeconds,
            steps.waitedSeconds() / trainSeconds,
            (System.nanoTime() - begin) / 1e9,
            telemetry.epoch());
    history.add(result);
    telemetry.epochDone(result);
    boolean better = bestEpoch == 0 || result.betterThan(history.get(bestEpoch - 1));
    if (better) {
      bestEpoch = epoch + 1;
      ModelCalibration measured =
          ModelCalibration.of(
              val, bestEpoch, Grouping.of(options.split().dividedBy()), options.seed());
      calibration = Optional.of(measured);
      best = journal.writeNextBest(model, info.withCalibration(Json.line(measured)));
    }
    listener.epochFinished(result, better);
    if (ranks.anyStops(stop.requested()) && epoch + 1 < options.epochs()) {
      return Optional.of(completed(epoch + 1));
    }
    return Optional.empty();
  }

  private Evaluation validate() {
    validation.parametersChanged();
    List<Sample> all = split.part(Part.VAL);
    int common = all.size() / ranks.size() / validation.options().batch();
    int[] done = {0};
    return Evaluator.evaluate(
        validation,
        new Evaluator.Labels(split.classes(), options.positive()),
        all,
        new Evaluator.LoaderOptions(
                options.input().preprocess(),
                options.input().threads(),
                options.input().badImages())
            .sharedBy(ranks.communicator()),
        images -> {
          // All ranks have so many batches; they stop together.
          if (done[0]++ < common && ranks.anyStops(stop.requested())) {
            throw new StoppedEvaluation();
          }
        });
  }

  private Trainer.Outcome outcome(Trainer.End end) {
    journal.leftOut(Part.TRAIN, Shares.messages(loader.badImages(), ranks.communicator()));
    Optional<EpochResult> best =
        bestEpoch == 0 ? Optional.empty() : Optional.of(history.get(bestEpoch - 1));
    return new Trainer.Outcome(
        end,
        List.copyOf(history),
        best,
        best.map(b -> journal.validation(b.valAccuracy())),
        calibration,
        journal.use());
  }
}
