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
import org.jresnet.train.RunFolder;
import org.jresnet.train.SharedError;
import org.jresnet.train.TrainOptions;
import picocli.CommandLine.Option;

/** How several processes find each other and exchange gradients. */
@Heading("Several processes")
final class LaunchOptions {
  /** For others to say what they have found out, before all are ended. */
  private static final long SAY_MILLIS = 1000;

  @Option(
      names = "--ranks",
      defaultValue = "auto",
      paramLabel = "HOW",
      description = {
        "auto: as many as mpirun, mpiexec or srun has started, connected by MPI; else one. mpi: by"
            + " MPI in any case. solo: this process alone. MPI needs a binding that tools/build-mpi"
            + " makes."
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
      names = "--wire",
      defaultValue = "fp32",
      paramLabel = "TYPE",
      description = "How gradients travel: fp32, or bf16, which halves the bytes and rounds.")
  private String wire;

  /** How gradients travel. */
  Wire wire() {
    return Named.of(Wire.class, "wire", wire);
  }

  /** Whether {@link #run} finds several processes, as far as their launcher says. */
  boolean several() {
    return wanted() != Launch.Wanted.SOLO && Launch.of(System.getenv()).several();
  }

  private Launch.Wanted wanted() {
    return UsageError.unlessValid(() -> Named.of(Launch.Wanted.class, "ranks", ranks));
  }

  /**
   * Joins the other ranks and does something together. What goes wrong on one ends all.
   *
   * @return the exit code
   */
  int run(ToIntFunction<Communicator> work) {
    Map<String, String> environment = System.getenv();
    Communicator all =
        Launch.of(environment).join(wanted(), environment, Duration.ofSeconds(timeout));
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
      if (all.leads() || !(e instanceof SharedError)) {
        String headline = failure.lines().get(0);
        Console.error(
            e instanceof SharedError || e instanceof RankFailure
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
