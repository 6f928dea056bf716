package org.jresnet.train;

import java.nio.file.Path;
import java.util.List;
import java.util.function.IntFunction;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.ThreadRanks;
import org.jresnet.distributed.Wire;
import org.jresnet.engine.Compute;
import org.jresnet.train.ParallelOptions.ScaleLr;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Whole runs on ranks that are threads, on a few faces. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
abstract class SmallRanks {
  Path folder;
  Path faces;

  @BeforeAll
  final void draw(@TempDir Path shared) {
    folder = shared;
    faces = folder.resolve("faces");
    // 24 images to train on and 16 to validate.
    DrawnFaces.write(faces, new DrawnFaces.Options(20, 32, 4), done -> {});
  }

  final Training training(int epochs, int ranks, boolean syncNorm) {
    return TinyRun.options(faces, epochs)
        .change()
        .batch(2)
        .parallel(new ParallelOptions(ranks, ScaleLr.NONE, Wire.FP32, syncNorm));
  }

  /** Which rank asks to stop after so many batches, counted over epochs. */
  record StopAt(int rank, int batches) {
    static final StopAt NEVER = new StopAt(-1, 0);
  }

  /** Ranks that may be told different things. */
  static RankRuns.Setup setup(
      List<Communicator> ranks, IntFunction<Training> options, StopAt stop, TinyRun.Notes notes) {
    return new RankRuns.Setup(
        ranks,
        options,
        rank -> {
          TrainOptions.NetworkOptions network = options.apply(rank).options().network();
          return Compute.open(network.backend(), network.precision());
        },
        (rank, trainer, batches) -> {
          if (rank.rank() == stop.rank && batches == stop.batches) {
            trainer.requestStop();
          }
        },
        notes);
  }

  static List<Trainer.Outcome> run(
      int size,
      IntFunction<Training> options,
      Path out,
      RunFolder.Existing existing,
      StopAt stop,
      TinyRun.Notes notes) {
    RankRuns.Setup setup = setup(List.of(), options, stop, notes);
    return ThreadRanks.run(size, rank -> RankRuns.onRank(setup, rank, out, existing));
  }

  final List<Trainer.Outcome> fresh(int size, int epochs, boolean syncNorm, Path out) {
    return run(
        size,
        rank -> training(epochs, size, syncNorm),
        out,
        RunFolder.Existing.REFUSE,
        StopAt.NEVER,
        new TinyRun.Notes());
  }
}
