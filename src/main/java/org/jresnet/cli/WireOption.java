package org.jresnet.cli;

import org.jresnet.base.Named;
import org.jresnet.distributed.Wire;
import picocli.CommandLine.Option;

/** How gradients travel from rank to rank. */
@Heading("Several processes")
final class WireOption {
  @Option(
      names = "--wire",
      defaultValue = "fp32",
      paramLabel = "TYPE",
      description = "How gradients travel: fp32, or bf16, which halves the bytes and rounds.")
  private String wire;

  /** What was asked for. */
  Wire wire() {
    return Named.of(Wire.class, "wire", wire);
  }
}
