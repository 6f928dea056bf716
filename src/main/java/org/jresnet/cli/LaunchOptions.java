package org.jresnet.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.util.Map;
import java.util.function.ToIntFunction;
import org.jresnet.base.Json;
import org.jresnet.base.Named;
import org.jresnet.base.Text;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.Launch;
import org.jresnet.distributed.RankFailure;
import org.jresnet.distributed.Wire;
import org.jresnet.train.ParallelOptions;
import org.jresnet.train.RanksDisagree;
import org.jresnet.train.RunFolder;
import org.jresnet.train.TrainOptions;
import picocli.CommandLine.Option;

/** How several processes share a training run. */
@Heading("Several processes")
final class LaunchOptions {
  /** For others to say what they have found out, before all are ended. */
  private static final long SAY_MILLIS = 1000;

  @Option(
      names = "--ranks",
      defaultValue = "auto",
      paramLabel = "HOW",
      description = {
        "auto: as many as mpirun, mpiexec or srun has started, connected by MPI; else one. mpi: by MPI in any case."
            + " solo: this process alone. MPI needs a binding that tools/build-mpi makes."
      })
  private String ranks;

  @Option(
      names = "--rank-timeout",
      defaultValue = "600",
      paramLabel = "SECONDS",
      description = "How long a rank waits for the others before all stop.")
  @Within(min = 1, max = 1_000_000)
  private int timeout;

  @Option(
      names = "--scale-lr",
      defaultValue = "none",
      paramLabel = "HOW",
      description =
          "linear multiplies --lr by the number of ranks and needs --warmup; none leaves it as it is."
              + " --batch is that of one rank, a step sees as many batches as there are ranks.")
  private String scaleLr;

  @Option(
      names = "--wire",
      defaultValue = "fp32",
      paramLabel = "TYPE",
      description = "How gradients travel: fp32, or bf16, which halves the bytes and rounds.")
  private String wire;

  @Option(
      names = "--sync-norm",
      description = "Batch norms use the statistics of all ranks' batches (CPU).")
  private boolean syncNorm;

  /** The options on so many ranks. */
  ParallelOptions parallel(int size) {
    return new ParallelOptions(
        size,
        Named.of(ParallelOptions.ScaleLr.class, "scale-lr", scaleLr),
        Named.of(Wire.class, "wire", wire),
        syncNorm);
  }

  /**
   * Joins the other ranks and does something together. What goes wrong on one ends all.
   *
   * @return the exit code
   */
  int run(ToIntFunction<Communicator> work) {
    Launch.Wanted wanted =
        UsageError.unlessValid(() -> Named.of(Launch.Wanted.class, "ranks", ranks));
    Map<String, String> environment = System.getenv();
    Communicator all =
        Launch.of(environment).join(wanted, environment, Duration.ofSeconds(timeout));
    if (all.size() == 1) {
      try (all) {
        return work.applyAsInt(all);
      }
    }
    try {
      int code = work.applyAsInt(all);
      all.close();
      return code;
    } catch (RuntimeException | Error e) {
      Failure failure = Failure.of(e);
      if (all.leads() || !(e instanceof RanksDisagree)) {
        String headline = failure.lines().get(0);
        Console.error(
            e instanceof RanksDisagree || e instanceof RankFailure
                ? headline
                : Text.format("rank %s of %s: %s", all.rank(), all.size(), headline));
        failure.lines().stream().skip(1).forEach(line -> Console.printError("%s", line));
      }
      if (!all.leads() || e instanceof RankFailure) {
        pause();
      }
      all.abort();
      return failure.code();
    }
  }

  private static void pause() {
    try {
      Thread.sleep(SAY_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The options of the run in a folder that rank 0 reads. */
  static TrainOptions recorded(Communicator all, RunFolder folder) {
    byte[] own = all.leads() ? Json.line(folder.record().options()).getBytes(UTF_8) : new byte[0];
    String text = new String(all.broadcast(own, 0), UTF_8);
    return Json.parse("the record of the run", text, TrainOptions.class);
  }
}
