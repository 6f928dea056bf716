package org.jresnet.distributed;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import org.jresnet.base.Named;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.nativebindings.mpi.Mpi;

/**
 * How this process was started: alone, or as one of several ranks.
 *
 * @param launcher what has started the ranks; empty where nothing says that there are any
 * @param size how many it says there are
 */
public record Launch(Optional<String> launcher, OptionalInt size) {
  /** What the user wants. */
  public enum Wanted implements Named {
    /** Ranks where a launcher has started several processes, else one. */
    AUTO,
    /** Ranks by MPI. */
    MPI,
    /** This process alone, whatever has started it. */
    SOLO
  }

  /** The launchers' variables that hold the number of ranks. */
  private static final Map<String, String> SIZES =
      new TreeMap<>(
          Map.of(
              "OMPI_COMM_WORLD_SIZE", "mpirun of Open MPI",
              "PMI_SIZE", "mpiexec of MPICH or Intel MPI, or srun",
              // Of srun alone: SLURM_NTASKS is there in a batch script, too.
              "SLURM_STEP_NUM_TASKS", "srun"));

  /**
   * What the environment says.
   *
   * @param environment such as {@code System.getenv()}
   */
  public static Launch of(Map<String, String> environment) {
    for (Map.Entry<String, String> size : SIZES.entrySet()) {
      String text = environment.get(size.getKey());
      if (text != null && text.matches("[1-9]\\d{0,6}")) {
        return new Launch(Optional.of(size.getValue()), OptionalInt.of(Integer.parseInt(text)));
      }
    }
    return new Launch(Optional.empty(), OptionalInt.empty());
  }

  /**
   * Which MPI this process would join the others by; it does not join them yet.
   *
   * @throws UserError saying why there is none
   */
  public static String binding(Map<String, String> environment) {
    return Mpi.load(Mpi.library(environment));
  }

  /** Whether there are several ranks as far as the launcher says. */
  public boolean several() {
    return size.orElse(1) > 1;
  }

  /**
   * Joins the other ranks.
   *
   * @param timeout how long a rank waits for others
   * @throws UserError when there are several processes and MPI cannot be used, saying why
   */
  public Communicator join(Wanted wanted, Map<String, String> environment, Duration timeout) {
    if (wanted == Wanted.SOLO || wanted == Wanted.AUTO && !several()) {
      return Solo.INSTANCE;
    }
    try {
      Mpi mpi = Mpi.start(Mpi.library(environment), size);
      return new MpiRanks(mpi, timeout);
    } catch (UserError e) {
      throw launcher.isEmpty()
          ? e
          : new UserError(
              Text.format(
                  "%s has started %s processes, and %s",
                  launcher.get(), size.getAsInt(), e.getMessage()),
              e);
    }
  }
}
