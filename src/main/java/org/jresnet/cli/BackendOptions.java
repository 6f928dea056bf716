package org.jresnet.cli;

import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.engine.Backends;
import org.jresnet.graph.UserError;
import picocli.CommandLine.Option;

/** Where and in which precision to compute. */
final class BackendOptions {
  @Option(
      names = "--backend",
      defaultValue = "auto",
      paramLabel = "NAME",
      description = "auto, onednn or reference.")
  String backend;

  @Option(
      names = "--precision",
      defaultValue = "auto",
      paramLabel = "TYPE",
      description =
          "auto, fp32, bf16 (fp64: reference backend). auto takes bf16 where the CPU has instructions for it.")
  String precision;

  @Option(
      names = "--threads",
      defaultValue = "0",
      paramLabel = "N",
      description = "CPU threads; 0 means all.")
  int threads;

  /** Opens the backend and says what auto chose. */
  Backend open(Console console) {
    if (threads < 0) {
      throw new UserError("--threads must not be negative, found " + threads);
    }
    String environment = System.getenv("OMP_NUM_THREADS");
    if (threads > 0 && !String.valueOf(threads).equals(environment)) {
      throw new UserError(
          "--threads "
              + threads
              + " works through the launcher ./jresnet, which sets OMP_NUM_THREADS before Java starts; now"
              + " it is "
              + environment);
    }
    return Backends.open(backend.equals("auto") ? "onednn" : backend);
  }

  /** The precision, with auto resolved and announced. */
  Precision resolve(Backend opened, Console console) {
    boolean auto = precision.equals("auto");
    Precision chosen = auto ? opened.autoPrecision() : Precision.of(precision);
    if (opened.supports(chosen) instanceof Support.No no) {
      throw new UserError("--precision " + chosen.id() + " is not possible: " + no.reason());
    }
    console.print(
        "Backend %s (%s), precision %s%s",
        opened.name(), opened.description(), chosen.id(), auto ? " (auto)" : "");
    return chosen;
  }
}
