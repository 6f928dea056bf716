package org.jresnet.cli;

import java.util.Locale;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jresnet.base.Text;
import org.jresnet.train.DataReport;
import org.jresnet.train.EpochResult;
import org.jresnet.train.TrainingListener;

/** Shows training: a bar per epoch for people at a terminal, and a line per epoch for everyone. */
final class Progress implements TrainingListener, AutoCloseable {
  private final Console console;
  private ProgressBar bar;

  Progress(Console console) {
    this.console = console;
  }

  /** A bar on standard error, or nothing where no person watches. */
  static ProgressBar bar(String task, long total, String unit) {
    return new ProgressBarBuilder()
        .setTaskName(Text.visible(task))
        .setInitialMax(total)
        .setStyle(ProgressBarStyle.ASCII)
        .setUpdateIntervalMillis(200)
        .setUnit(unit, 1)
        .setConsumer(
            Console.terminal()
                ? new ConsoleProgressBarConsumer(Console.err(), 100)
                : new me.tongfei.progressbar.DelegatingProgressBarConsumer(line -> {}))
        .build();
  }

  @Override
  public void note(String text) {
    console.note(text);
  }

  @Override
  public synchronized void reading(int done, int total) {
    if (bar == null) {
      bar = bar("Reading heads", total, " images");
    }
    bar.step();
  }

  @Override
  public void data(DataReport report) {
    close();
    new DataSummary(console).print(report);
  }

  @Override
  public void epochStarted(int epoch, int epochs, int firstBatch, int batches) {
    close();
    bar = bar("Epoch " + epoch + "/" + epochs, batches, " batches");
    bar.stepTo(firstBatch);
  }

  @Override
  public void batchDone(int batch, double loss, double imagesPerSecond, double waitShare) {
    bar.setExtraMessage(
        String.format(
            Locale.ROOT,
            "%.1f img/s, loss %.4f, data wait %.0f %%",
            imagesPerSecond,
            loss,
            100 * waitShare));
    bar.stepTo(batch);
  }

  @Override
  public void epochFinished(EpochResult r, boolean best) {
    close();
    console.print(
        "Epoch %3d  train loss %.4f  acc %6.2f %%  val loss %.4f  acc %6.2f %%  %7.1f img/s  data wait %2.0f %%  %5.1f s%s",
        r.epoch(),
        r.trainLoss(),
        100 * r.trainAccuracy(),
        r.valLoss(),
        100 * r.valAccuracy(),
        r.imagesPerSecond(),
        100 * r.waitShare(),
        r.seconds(),
        best ? "  *best" : "");
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
  }
}
