package org.jresnet.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;
import org.jresnet.base.Json;
import org.jresnet.base.Named;
import org.jresnet.base.Text;
import org.jresnet.base.Version;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.Launch;
import org.jresnet.distributed.RankFailure;
import org.jresnet.distributed.SharedError;
import org.jresnet.train.RunFolder;
import org.jresnet.train.TrainOptions;
import picocli.CommandLine.Option;

/** How several processes find each other. */
@Heading("Several processes")
final class LaunchOptions {
  /** For rank 0 to say what is wrong, before others do. */
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
   * @param command that all ranks must have been given
   * @return the exit code
   */
  int run(String command, ToIntFunction<Communicator> work) {
    Communicator all = join();
    if (all.size() == 1) {
      try (all) {
        return work.applyAsInt(all);
      }
    }
    try {
      requireAlike(all, Text.format("jresnet %s: %s", Version.number(), command));
      int code = work.applyAsInt(all);
      all.close();
      return code;
    } catch (RuntimeException | Error e) {
      if (!all.leads()) {
        // What rank 0 has found, too, it says for all, and ends them.
        pause();
      }
      Failure failure = Failure.of(e);
      if (all.leads() || !(e instanceof SharedError)) {
        String headline = failure.lines().get(0);
        Console.error(
            e instanceof SharedError || e instanceof RankFailure
                ? headline
                : Text.format("rank %s of %s: %s", all.rank(), all.size(), headline));
        failure.lines().stream().skip(1).forEach(line -> Console.printError("%s", line));
      }
      all.abort();
      return failure.code();
    }
  }

  /** MPI starts when all ranks are there, and waits for them without end. */
  private Communicator join() {
    Map<String, String> environment = System.getenv();
    Launch launch = Launch.of(environment);
    Thread watch = new Thread(this::endUnlessInterrupted, "jresnet-start");
    watch.setDaemon(true);
    if (several()) {
      watch.start();
    }
    try {
      return launch.join(wanted(), environment, Duration.ofSeconds(timeout));
    } finally {
      watch.interrupt();
    }
  }

  private void endUnlessInterrupted() {
    try {
      Thread.sleep(Duration.ofSeconds(timeout).toMillis());
    } catch (InterruptedException e) {
      return;
    }
    Console.error(
        Text.format(
            "MPI has not started within %s s: a rank has not come there, or cannot be reached. See"
                + " that all are started at about the same time, or raise --rank-timeout",
            timeout));
    Runtime.getRuntime().halt(1);
  }

  /** Ranks that do different things would wait for each other where they must not. */
  static void requireAlike(Communicator all, String own) {
    List<String> said = all.gather(own);
    List<String> differences = new ArrayList<>();
    for (int rank = 1; rank < said.size(); rank++) {
      if (!said.get(rank).equals(said.get(0))) {
        differences.add(
            Text.format("rank %s beside rank 0: %s, not %s", rank, said.get(rank), said.get(0)));
      }
    }
    if (!differences.isEmpty()) {
      throw new SharedError(
          "the ranks were not started alike; start all with the same version and command",
          differences);
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
