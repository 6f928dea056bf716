package org.jresnet.cli;

import org.jresnet.base.Named;
import org.jresnet.distributed.Exchange;
import org.jresnet.distributed.Wire;
import picocli.CommandLine.Option;

/** How gradients travel from rank to rank. */
@Heading("Several processes")
final class ExchangeOptions {
  @Option(
      names = "--exchange",
      defaultValue = "auto",
      paramLabel = "HOW",
      description =
          "What carries gradients from rank to rank. auto: NCCL between GPUs, MPI between CPUs."
              + " mpi: MPI through the hosts' memory, also for GPUs.")
  private String exchange;

  @Option(
      names = "--wire",
      defaultValue = "fp32",
      paramLabel = "TYPE",
      description = "How gradients travel: fp32, or bf16, which halves the bytes and rounds.")
  private String wire;

  /** What carries gradients. */
  Exchange way() {
    return UsageError.unlessValid(() -> Named.of(Exchange.class, "exchange", exchange));
  }

  /** How they travel. */
  Wire wire() {
    return UsageError.unlessValid(() -> Named.of(Wire.class, "wire", wire));
  }
}
