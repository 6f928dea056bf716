package org.jresnet.cli;

import java.util.List;
import java.util.Objects;
import org.jresnet.base.Text;
import picocli.CommandLine.Option;

/**
 * Threads of the CPU backends. OpenMP reads its environment before Java starts, so the launcher
 * sets it from these options; here they are only checked.
 */
@Heading("Computation")
final class ThreadOptions {
  @Option(
      names = "--threads",
      split = ",",
      defaultValue = "0",
      paramLabel = "N",
      description = "CPU threads; 0 means all. bench and atlas take several, such as 1,2,4.")
  @Within(min = 0, max = Within.THREADS)
  private List<Integer> threads;

  @Option(
      names = "--pin",
      description =
          "Bind each computing thread to a core of its own (OMP_PROC_BIND=close). For measuring and"
              + " inference: what decodes images then shares the first core.")
  private boolean pin;

  // Asked for before a backend binds this thread to one processor.
  private final int processors = Runtime.getRuntime().availableProcessors();

  /** Refuses options that did not pass through the launcher. */
  void check() {
    if (several()) {
      throw new UsageError("--threads takes one number here; only bench and atlas compare several");
    }
    if (threads.get(0) > 0) {
      require("--threads " + threads.get(0), "OMP_NUM_THREADS", String.valueOf(threads.get(0)));
    }
    if (pin) {
      require("--pin", "OMP_PROC_BIND", "close");
    }
  }

  /** Whether more than one number was given. */
  boolean several() {
    return threads.size() > 1;
  }

  /** The numbers as given. */
  List<Integer> counts() {
    return threads;
  }

  /** Threads that compute. */
  int count() {
    String environment = System.getenv("OMP_NUM_THREADS");
    boolean given = environment != null && environment.matches("[1-9]\\d{0,4}");
    return given ? Integer.parseInt(environment) : processors;
  }

  private static void require(String option, String variable, String value) {
    String found = System.getenv(variable);
    if (!Objects.equals(found, value)) {
      throw new UsageError(
          Text.format(
              "%s works through the launcher ./jresnet, which sets %s before Java starts; now it "
                  + "is %s",
              option, variable, found));
    }
  }
}
