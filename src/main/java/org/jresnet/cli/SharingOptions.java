package org.jresnet.cli;

import org.jresnet.base.Named;
import org.jresnet.distributed.Exchange;
import org.jresnet.train.ParallelOptions;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What several processes make of a training run. */
@Heading("Several processes")
final class SharingOptions {
  @Option(
      names = "--scale-lr",
      defaultValue = "none",
      paramLabel = "HOW",
      description =
          "linear multiplies --lr by the number of ranks and needs --warmup; none leaves it as it"
              + " is. --batch is that of one rank, a step sees as many batches as there are ranks.")
  private String scaleLr;

  @Option(
      names = "--sync-norm",
      description = "Batch norms use the statistics of all ranks' batches (CPU).")
  private boolean syncNorm;

  @Mixin private ExchangeOptions exchange;

  /** What carries gradients. */
  Exchange exchange() {
    return exchange.way();
  }

  /** The options on so many ranks. */
  ParallelOptions parallel(int size) {
    return new ParallelOptions(
        size,
        Named.of(ParallelOptions.ScaleLr.class, "scale-lr", scaleLr),
        exchange.wire(),
        syncNorm);
  }
}
