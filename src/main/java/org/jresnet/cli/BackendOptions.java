package org.jresnet.cli;

import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.backend.gpu.CudnnOptions;
import org.jresnet.backend.gpu.GpuBackend;
import org.jresnet.base.UserError;
import org.jresnet.engine.Backends;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Where and in which precision to compute. */
@Heading("Computation")
final class BackendOptions {
  @Option(
      names = "--backend",
      defaultValue = "auto",
      paramLabel = "NAME",
      description =
          "auto (the GPU if one is usable, else the CPU), cpu, gpu (NVIDIA) or reference. onednn"
              + " and cudnn mean cpu and gpu.")
  String backend;

  @Option(
      names = "--precision",
      defaultValue = "auto",
      paramLabel = "TYPE",
      description =
          "auto, fp32, bf16, int8 (inference on the CPU with a model from jresnet quantize), tf32 and"
              + " fp16 (GPU), fp64 (reference backend). auto takes bf16 where the hardware has"
              + " instructions for it, else fp32.")
  String precision;

  @Mixin private ThreadOptions threads;
  @Mixin private GpuOptions gpu;

  /** Opens the backend; {@link #resolve} says what auto chose. */
  Backend open(Console console) {
    threads.check();
    CudnnOptions options = gpu.options();
    if (!backend.equals("auto")) {
      return open(backend, options);
    }
    if (precision.equals("int8")) {
      return open("cpu", options);
    }
    if (GpuBackend.usable(options) instanceof Support.No no) {
      // Not a field: options exist before --verbose is read.
      LoggerFactory.getLogger(BackendOptions.class).info("No GPU is used: {}", no.reason());
      return open("cpu", options);
    }
    return open("gpu", options);
  }

  /** The backend of that name. */
  static Backend open(String name, CudnnOptions options) {
    if (!Backends.NAMES.contains(Backends.canonical(name))) {
      throw new UsageError(
          "unknown backend '" + name + "'; known backends: " + String.join(", ", Backends.NAMES));
    }
    return Backends.open(name, options);
  }

  /** The precision, with auto resolved and announced. */
  Precision resolve(Backend opened, Console console) {
    boolean auto = precision.equals("auto");
    Precision chosen =
        auto ? opened.autoPrecision() : UsageError.unlessValid(() -> Precision.of(precision));
    require(opened, chosen);
    console.print(
        "Backend %s%s (%s), precision %s%s",
        opened.name(),
        backend.equals("auto") && opened.name().equals("cpu") ? ", no usable GPU" : "",
        opened.description(),
        chosen.id(),
        auto ? " (auto)" : "");
    return chosen;
  }

  /** Refuses a precision that the backend or the machine lacks. */
  static void require(Backend backend, Precision precision) {
    if (backend.supports(precision) instanceof Support.No no) {
      throw new UserError("--precision " + precision.id() + " is not possible: " + no.reason());
    }
  }
}
