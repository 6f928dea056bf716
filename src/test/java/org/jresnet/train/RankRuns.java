package org.jresnet.train;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.Exchange;
import org.jresnet.distributed.ThreadRanks;
import org.jresnet.engine.Compute;

/** Whole runs whose ranks are threads. */
final class RankRuns {
  private RankRuns() {}

  /** What a rank does after a batch; they are counted from 1, over epochs. */
  interface AfterBatch {
    void done(Communicator rank, Trainer trainer, int batches);
  }

  /**
   * How ranks run.
   *
   * @param options and compute by rank, which may be told different things
   */
  record Setup(
      List<Communicator> ranks,
      IntFunction<Training> options,
      IntFunction<Compute> compute,
      AfterBatch after,
      TinyRun.Notes notes) {}

  static List<Trainer.Outcome> run(Setup setup, Path out, RunFolder.Existing existing) {
    return ThreadRanks.run(setup.ranks, rank -> onRank(setup, rank, out, existing));
  }

  /** What one of them does. */
  static Trainer.Outcome onRank(
      Setup setup, Communicator rank, Path out, RunFolder.Existing existing) {
    return onRank(setup, rank, out, existing, Trainer.Contents.CHECKED);
  }

  /** What one of them does with images that are checked or trusted. */
  static Trainer.Outcome onRank(
      Setup setup,
      Communicator rank,
      Path out,
      RunFolder.Existing existing,
      Trainer.Contents contents) {
    try (RunFolder folder =
            rank.leads()
                ? RunFolder.open(out, existing, setup.notes::note)
                : RunFolder.follow(out, existing);
        Compute compute = setup.compute.apply(rank.rank())) {
      return trainer(setup, folder, compute, rank).run(contents);
    }
  }

  private static Trainer trainer(
      Setup setup, RunFolder folder, Compute compute, Communicator ranks) {
    Trainer[] made = new Trainer[1];
    AtomicInteger batches = new AtomicInteger();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void note(String text) {
            if (ranks.leads()) {
              setup.notes.note(text);
            }
          }

          @Override
          public void batchDone(int batch, double loss, double rate, double wait) {
            setup.after.done(ranks, made[0], batches.incrementAndGet());
          }
        };
    made[0] =
        setup
            .options
            .apply(ranks.rank())
            .trainer(folder, compute, listener)
            .ranks(ranks, Exchange.AUTO);
    return made[0];
  }
}
