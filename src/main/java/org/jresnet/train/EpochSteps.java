package org.jresnet.train;

import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongToDoubleFunction;
import org.jresnet.backend.LossScale;
import org.jresnet.backend.UpdateReport;
import org.jresnet.backend.UpdateReport.Outcome;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Batch;
import org.jresnet.data.Loader;
import org.jresnet.distributed.SharedError;
import org.jresnet.engine.Executable;
import org.jresnet.engine.GradientExchange;
import org.jresnet.engine.NonFinite;
import org.jresnet.engine.OptimizerState;

/**
 * The steps of an epoch. On a device that works by itself each one is sent before the loss and the
 * gradient norm of the last one are read, so that it always has work; the host reads, decodes and
 * copies meanwhile.
 */
final class EpochSteps {
  /** A step that was sent; two of them take turns. */
  private static final class Sent {
    Batch batch;
    Executable executable;
    int number;
    long run;
    long update;
    boolean complete;
    boolean watched;
    boolean pending;
  }

  private final TrainOptions options;
  private final RunFolder folder;
  private final TrainingListener listener;
  private final StopRequest stop;
  private final Ranks ranks;
  private final TrainingLoop.Machinery machinery;
  private final OptimizerState optimizer;
  private final Loader loader;
  private final Telemetry telemetry;
  private final List<String> classes;
  private final Schedule schedule;
  private final LongToDoubleFunction rates;
  private final int batches;
  private final boolean late;
  private LossScale.State start = LossScale.State.START;
  private UpdateReport report;
  private Sent last = new Sent();
  private Sent before = new Sent();
  private int epoch;
  private int done;
  private double lossSum;
  private long correct;
  private long seen;
  private long fresh;
  private long waited;
  private long begin;
  private double rate;

  EpochSteps(
      RunContext run,
      TrainingLoop.Machinery machinery,
      Schedule schedule,
      int batches,
      List<String> classes) {
    options = run.options();
    folder = run.journal().folder();
    listener = run.listener();
    stop = run.stop();
    ranks = run.ranks();
    this.machinery = machinery;
    optimizer = machinery.optimizer();
    loader = machinery.loader();
    telemetry = machinery.telemetry();
    this.classes = classes;
    this.schedule = schedule;
    rates = schedule::rate;
    this.batches = batches;
    // Where gradients pass through the hosts, these wait for each step anyway.
    late =
        machinery.model().backend().asynchronous()
            && machinery.exchange().map(GradientExchange::amongDevices).orElse(true);
  }

  /** The loss scale begins there; from here on the gradients decide. */
  void begin(LossScale.State from) {
    start = from;
    optimizer.decideBy(options.clip(), new LossScale(machinery.model().precision(), from));
  }

  /**
   * Takes the steps that are left of an epoch, until the run is asked to stop.
   *
   * @return whether all are done
   */
  boolean run(int number, Checkpoint position) {
    epoch = number;
    done = position.batch();
    lossSum = position.lossSum();
    correct = position.correct();
    seen = position.seen();
    fresh = 0;
    waited = 0;
    // Where only the validation is left to do, the last step is that of before.
    rate = done == batches ? rateOf(optimizer.steps()) : 0;
    begin = System.nanoTime();
    loader.takeWaitNanos();
    try (Loader.Epoch images = loader.epoch(epoch, done)) {
      Batch batch = done < batches ? images.next() : null;
      for (int b = done; b < batches; b++) {
        long started = System.nanoTime();
        send(batch, b);
        // The loader takes that step's batch back with the next one.
        settle(before);
        // As of the same step on every rank: rank 0 may settle the last one early, to look at it.
        boolean ending = late && stopping();
        Batch following = b + 1 < batches ? images.next() : null;
        long idle = loader.takeWaitNanos();
        waited += idle;
        if (following != null) {
          stepFor(following).prefetch(following.pixels());
        }
        if (!late || last.watched || ending || b + 1 == batches) {
          settle(last);
        }
        stop.stepTook((System.nanoTime() - started - idle) / 1e9);
        boolean stops = late ? ending : stopping();
        if (stops && last.complete && b + 1 < batches) {
          return false;
        }
        batch = following;
      }
    }
    return true;
  }

  private boolean stopping() {
    return ranks.several() ? ranks.stopping() : stop.requested();
  }

  /** The gradients of all ranks; those of one batch are under way since backward. */
  private void exchangeGradients() {
    if (machinery.exchange().isPresent()) {
      if (options.accumulate() > 1) {
        machinery.exchange().get().start();
      }
      machinery.exchange().get().finish();
    }
  }

  private void send(Batch batch, int b) {
    Sent now = before;
    before = last;
    last = now;
    int micro = b % options.accumulate();
    int group = Math.min(options.accumulate(), batches - b + micro);
    now.batch = batch;
    now.executable = stepFor(batch);
    now.number = b;
    now.complete = micro == group - 1;
    telemetry.images(batch, options.input().preprocess().size(), classes);
    telemetry.batch(b / options.accumulate(), now.complete);
    now.watched = telemetry.reads();
    now.executable.setDraws(options.seed(), draws(b));
    now.run = now.executable.start(batch.pixels(), labels(batch));
    optimizer.accumulate(micro, group);
    if (now.complete) {
      exchangeGradients();
      // One step with the mean of the gradients of a group of batches on every rank.
      telemetry.beforeUpdate();
      now.update = optimizer.update(rates, group * ranks.size());
    }
    now.pending = true;
  }

  private long draws(int b) {
    return ranks.draw((long) epoch * batches + b);
  }

  private Executable stepFor(Batch batch) {
    return batch.count() == machinery.step().options().batch()
        ? machinery.step()
        : machinery.lastStep().orElseThrow();
  }

  /** As many as there are images; an array of that length is new once in an epoch. */
  private static int[] labels(Batch batch) {
    return batch.count() == batch.labels().length
        ? batch.labels()
        : Arrays.copyOf(batch.labels(), batch.count());
  }

  /** Waits for a step and takes note of it. */
  private void settle(Sent step) {
    if (!step.pending) {
      return;
    }
    step.pending = false;
    ranks.batch(
        step.executable.loss(step.run),
        step.batch.count(),
        step.executable.correct(step.run),
        stop.requested());
    double loss = ranks.loss();
    if (step.complete) {
      report = optimizer.report(step.update);
      if (machinery.exchange().isPresent()) {
        ranks.requireSums(machinery.exchange().get());
      }
    }
    if (!Double.isFinite(loss) || step.complete && report.outcome() == Outcome.DIVERGED) {
      throw diverged(step, step.complete ? report.element() : -1);
    }
    if (step.complete) {
      rate = rateOf(report.steps());
      if (report.outcome() == Outcome.UPDATED && step.watched) {
        telemetry.afterUpdate(report.norm());
      }
    }
    lossSum += ranks.lossSum();
    correct += ranks.correct();
    seen += ranks.images();
    fresh += ranks.images();
    done = step.number + 1;
    double seconds = (System.nanoTime() - begin) / 1e9;
    telemetry.batchDone(loss, rate, fresh / seconds);
    listener.batchDone(done, lossSum / seen, fresh / seconds, waited / 1e9 / seconds);
  }

  /** Rate of the last of so many updates; that of the first one where all were left out. */
  private double rateOf(long updates) {
    return schedule.rate(Math.max(0, updates - 1));
  }

  private UserError diverged(Sent step, long element) {
    // All ranks have found the same, and compute the step again together; one that looked early
    // never sends the step that others have sent.
    if (machinery.exchange().isPresent()) {
      ranks.leave(machinery.exchange().get());
    }
    NonFinite found =
        step.executable.locateNonFinite(
            step.batch.pixels(), labels(step.batch), draws(step.number), element);
    return new SharedError(
        Text.format(
            "training diverged in epoch %s, batch %s: %s is not finite. Try a lower --lr, --clip "
                + "1, or --warmup; %s",
            epoch + 1,
            step.number + 1,
            ranks.first(found),
            Files.exists(folder.file(RunFolder.LAST))
                ? RunFolder.LAST + " still holds the last good state"
                : "nothing was saved yet"),
        List.of());
  }

  /** Batches of the epoch that are done. */
  int done() {
    return done;
  }

  /** Sum over the epoch's images of their losses. */
  double lossSum() {
    return lossSum;
  }

  /** Correct predictions of the epoch. */
  long correct() {
    return correct;
  }

  /** Images of the epoch. */
  long seen() {
    return seen;
  }

  /** Learning rate of the last update. */
  double rate() {
    return rate;
  }

  /** Where the loss scale stands. */
  LossScale.State lossScale() {
    return report == null ? start : report.lossScale();
  }

  /** Images that this process and other ranks have taken steps on in this epoch. */
  long fresh() {
    return fresh;
  }

  /** When this process began with the epoch, as {@link System#nanoTime}. */
  long beginNanos() {
    return begin;
  }

  /** Seconds for which images were waited for. */
  double waitedSeconds() {
    return waited / 1e9;
  }
}
