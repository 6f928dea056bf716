package org.jresnet.train;

import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jresnet.backend.Precision;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Batch;
import org.jresnet.data.Grouping;
import org.jresnet.data.Loader;
import org.jresnet.data.Split;
import org.jresnet.data.Split.Part;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.weights.ModelInfo;

/** The epochs of a run: steps, validation, the best epoch kept, a checkpoint after each. */
final class TrainingLoop {
  /**
   * What computes.
   *
   * @param lastStep the step of an epoch's last, smaller batch, where that is trained on
   */
  record Machinery(
      Model model,
      OptimizerState optimizer,
      Executable step,
      Optional<Executable> lastStep,
      Executable validation,
      Loader loader,
      Telemetry telemetry) {}

  /** An evaluation was left because the run is to stop; nothing is lost but the time. */
  private static final class StoppedEvaluation extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  private final TrainOptions options;
  private final RunJournal journal;
  private final RunFolder folder;
  private final TrainingListener listener;
  private final RunIdentity identity;
  private final StopRequest stop;
  private final Model model;
  private final OptimizerState optimizer;
  private final Executable step;
  private final Optional<Executable> lastStep;
  private final Executable validation;
  private final Loader loader;
  private final Telemetry telemetry;
  private final Split split;
  private final ModelInfo info;
  private final Schedule schedule;
  private final int batches;
  private final List<EpochResult> history = new ArrayList<>();
  private LossScale lossScale;
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
    model = machinery.model();
    optimizer = machinery.optimizer();
    step = machinery.step();
    lastStep = machinery.lastStep();
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
    schedule =
        new Schedule(
            options.schedule(),
            options.optimizer().learningRate(),
            (batches + options.accumulate() - 1) / options.accumulate(),
            options.epochs());
  }

  /** Checks that the run can be there, and that its best weights are what they were. */
  void require(Checkpoint start) {
    start.requirePossible(
        folder.file(RunFolder.LAST).toString(),
        new Checkpoint.Limits(
            batches,
            step.options().batch(),
            options.accumulate(),
            model.precision() == Precision.FP16));
    folder.settleBest(start.best());
  }

  Trainer.Outcome from(Checkpoint start) {
    lossScale = new LossScale(model.precision(), start.lossScale());
    history.addAll(start.history());
    bestEpoch = start.bestEpoch();
    best = start.best();
    if (folder.existing() == RunFolder.Existing.RESUME) {
      stop.saved(start);
      calibration = folder.bestCalibration();
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

  /** The checkpoint first: tables and drawings are made from it and can be made again. */
  private void save(Checkpoint position) {
    CheckpointFile.save(folder.file(RunFolder.LAST), position, identity, model, optimizer);
    folder.checkpointWritten();
    stop.saved(position);
    report();
  }

  private void report() {
    if (!history.isEmpty()) {
      folder.writeMetrics(history);
      LearningCurves.draw(history, folder.file(RunFolder.CURVES), listener);
      calibration.ifPresent(folder::writeCalibration);
    }
  }

  private Checkpoint completed(int epochs) {
    return at(epochs, 0, 0, 0, 0);
  }

  private Checkpoint at(int epoch, int batch, double lossSum, long correct, long seen) {
    return new Checkpoint(
        epoch,
        batch,
        lossSum,
        correct,
        seen,
        optimizer.steps(),
        lossScale.state(),
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
    double lossSum = position.lossSum();
    long correct = position.correct();
    long seen = position.seen();
    long fresh = 0;
    long waited = 0;
    // Where only the validation is left to do, the last step is that of before.
    double rate = position.batch() == batches ? schedule.rate(optimizer.steps() - 1) : 0;
    listener.epochStarted(epoch + 1, options.epochs(), position.batch(), batches);
    long begin = System.nanoTime();
    loader.takeWaitNanos();
    try (Loader.Epoch images = loader.epoch(epoch, position.batch())) {
      Batch batch = position.batch() < batches ? images.next() : null;
      for (int b = position.batch(); b < batches; b++) {
        int size = batch.count();
        Executable now = stepFor(batch);
        int micro = b % options.accumulate();
        int group = Math.min(options.accumulate(), batches - b + micro);
        boolean complete = micro == group - 1;
        telemetry.images(batch, options.input().preprocess().size(), split.classes());
        telemetry.batch(b / options.accumulate(), complete);
        now.setGradientFactor(lossScale.factor());
        now.setDraws(options.seed(), (long) epoch * batches + b);
        long started = System.nanoTime();
        double loss = now.step(batch.pixels(), labels(batch));
        // While a GPU computes the gradients, which nobody has waited for yet.
        Batch following = b + 1 < batches ? images.next() : null;
        long idle = loader.takeWaitNanos();
        if (following != null) {
          stepFor(following).prefetch(following.pixels());
        }
        optimizer.accumulate(micro, group);
        requireFinite(now, loss, epoch, b);
        if (complete) {
          rate = schedule.rate(optimizer.steps());
          update(now, group, rate, epoch, b);
        }
        stop.stepTook((System.nanoTime() - started - idle) / 1e9);
        lossSum += loss * size;
        correct += now.correct();
        seen += size;
        fresh += size;
        waited += idle;
        double seconds = (System.nanoTime() - begin) / 1e9;
        telemetry.batchDone(loss, rate, fresh / seconds);
        listener.batchDone(b + 1, lossSum / seen, fresh / seconds, waited / 1e9 / seconds);
        if (stop.requested() && complete && b + 1 < batches) {
          return Optional.of(at(epoch, b + 1, lossSum, correct, seen));
        }
        batch = following;
      }
    }
    double trainSeconds = Math.max(1, System.nanoTime() - begin) / 1e9;
    Evaluation val;
    try {
      val = validate();
    } catch (StoppedEvaluation e) {
      return Optional.of(at(epoch, batches, lossSum, correct, seen));
    }
    journal.leftOut(Part.TRAIN, loader.badImages());
    journal.leftOut(Part.VAL, val.badImages());
    EpochResult result =
        new EpochResult(
            epoch + 1,
            rate,
            lossSum / seen,
            (double) correct / seen,
            val.loss(),
            val.confusion().accuracy().share(),
            fresh / trainSeconds,
            waited / 1e9 / trainSeconds,
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
      best = folder.writeNextBest(model, info.withCalibration(Json.line(measured)));
    }
    listener.epochFinished(result, better);
    if (stop.requested() && epoch + 1 < options.epochs()) {
      return Optional.of(completed(epoch + 1));
    }
    return Optional.empty();
  }

  private Executable stepFor(Batch batch) {
    return batch.count() == step.options().batch() ? step : lastStep.orElseThrow();
  }

  /** As many as there are images; an array of that length is new once in an epoch. */
  private static int[] labels(Batch batch) {
    return batch.count() == batch.labels().length
        ? batch.labels()
        : Arrays.copyOf(batch.labels(), batch.count());
  }

  /** One step with the mean of the gradients of a group of batches, the last of them just run. */
  private void update(Executable last, int group, double rate, int epoch, int batch) {
    double scale = 1 / (lossScale.factor() * group);
    double norm = optimizer.gradientNorm() * scale;
    if (!lossScale.accepts(norm)) {
      return;
    }
    requireFinite(last, norm, epoch, batch);
    if (options.clip() > 0) {
      // torch.nn.utils.clip_grad_norm_
      scale *= Math.min(1, options.clip() / (norm + 1e-6));
    }
    telemetry.beforeUpdate();
    optimizer.step(rate, scale);
    telemetry.afterUpdate(norm);
  }

  private void requireFinite(Executable last, double value, int epoch, int batch) {
    if (!Double.isFinite(value)) {
      throw new UserError(
          Text.format(
              "training diverged in epoch %s, batch %s: %s is not finite. Try a lower --lr, --clip "
                  + "1, or --warmup; %s",
              epoch + 1,
              batch + 1,
              last.locateNonFinite(),
              Files.exists(folder.file(RunFolder.LAST))
                  ? RunFolder.LAST + " still holds the last good state"
                  : "nothing was saved yet"));
    }
  }

  private Evaluation validate() {
    validation.parametersChanged();
    return Evaluator.evaluate(
        validation,
        new Evaluator.Labels(split.classes(), options.positive()),
        split.part(Part.VAL),
        new Evaluator.LoaderOptions(
            options.input().preprocess(), options.input().threads(), options.input().badImages()),
        done -> {
          if (stop.requested()) {
            throw new StoppedEvaluation();
          }
        });
  }

  private Trainer.Outcome outcome(Trainer.End end) {
    journal.leftOut(Part.TRAIN, loader.badImages());
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
