package org.jresnet.cli;

import java.util.Optional;
import org.jresnet.backend.Precision;
import org.jresnet.distributed.Neighbours;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.BackendSettings;
import org.jresnet.engine.Compute;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Where and in which precision to compute. */
@Heading("Computation")
final class BackendOptions {
  private static final String AUTO = "auto";

  @Option(
      names = "--backend",
      defaultValue = AUTO,
      paramLabel = "NAME",
      description =
          "auto (the GPU if one is usable, else the CPU), cpu, gpu (NVIDIA) or reference. onednn"
              + " and cudnn mean cpu and gpu.")
  private String backend;

  @Option(
      names = "--precision",
      defaultValue = AUTO,
      paramLabel = "TYPE",
      description =
          "auto, fp32, bf16, int8 (inference with a model from jresnet quantize), tf32 and"
              + " fp16 (GPU), fp64 (reference backend). auto takes bf16 where the hardware has"
              + " instructions for it, else fp32.")
  private String precision;

  @Mixin private ThreadOptions threads;
  @Mixin private TuningOptions tuning;
  @Mixin private GpuOptions gpu;

  private Neighbours neighbours = Neighbours.NONE;

  /** Says which ranks this one shares its machine with: each takes a GPU of its own. */
  void beside(Neighbours ranks) {
    neighbours = ranks;
  }

  /** The backend that was asked for. */
  BackendKind kind() {
    return UsageError.unlessValid(() -> BackendKind.of(backend));
  }

  /** The precision that was asked for; empty for auto. */
  Optional<Precision> precision() {
    return precision.equals(AUTO)
        ? Optional.empty()
        : Optional.of(UsageError.unlessValid(() -> Precision.of(precision)));
  }

  /** Opens what was asked for and says what auto chose. */
  Compute open(Console console) {
    return open(console, kind(), precision());
  }

  /** Opens another backend in another precision, with the same threads and GPU. */
  Compute open(Console console, BackendKind kind, Optional<Precision> type) {
    threads.check();
    Compute compute = Compute.open(kind, type, settings(console, kind));
    console.print(
        "Backend %s%s (%s), precision %s%s",
        compute.kind().id(),
        kind == BackendKind.AUTO && compute.kind() == BackendKind.CPU ? ", no usable GPU" : "",
        compute.backend().description(),
        compute.precision().id(),
        type.isEmpty() ? " (auto)" : "");
    return compute;
  }

  private BackendSettings settings(Console console, BackendKind kind) {
    boolean gpus = kind == BackendKind.AUTO || kind == BackendKind.GPU;
    return new BackendSettings(
        tuning.cpu(console), gpu.options(tuning.gpu(), gpus ? neighbours : Neighbours.NONE));
  }

  /** Opens what was asked for once more, without a word. */
  Compute openAgain() {
    return Compute.open(kind(), precision(), settings(new Console(true), kind()));
  }
}
