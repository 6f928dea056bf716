package org.jresnet.cli;

import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.engine.Backends;
import org.jresnet.graph.UserError;
import picocli.CommandLine.Mixin;
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
          "auto, fp32, bf16, int8 (inference with a model from jresnet quantize), fp64 (reference"
              + " backend). auto takes bf16 where the CPU has instructions for it, else fp32.")
  String precision;

  @Mixin private ThreadOptions threads;

  /** Opens the backend and says what auto chose. */
  Backend open(Console console) {
    threads.check();
    return open(backend.equals("auto") ? "onednn" : backend);
  }

  /** The backend of that name. */
  static Backend open(String name) {
    if (!Backends.NAMES.contains(name)) {
      throw new UsageError(
          "unknown backend '" + name + "'; known backends: " + String.join(", ", Backends.NAMES));
    }
    return Backends.open(name);
  }

  /** The precision, with auto resolved and announced. */
  Precision resolve(Backend opened, Console console) {
    boolean auto = precision.equals("auto");
    Precision chosen =
        auto ? opened.autoPrecision() : UsageError.unlessValid(() -> Precision.of(precision));
    require(opened, chosen);
    console.print(
        "Backend %s (%s), precision %s%s",
        opened.name(), opened.description(), chosen.id(), auto ? " (auto)" : "");
    return chosen;
  }

  /** Refuses a precision that the backend or the machine lacks. */
  static void require(Backend backend, Precision precision) {
    if (backend.supports(precision) instanceof Support.No no) {
      throw new UserError("--precision " + precision.id() + " is not possible: " + no.reason());
    }
  }
}
