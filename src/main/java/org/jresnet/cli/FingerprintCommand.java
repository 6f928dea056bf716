package org.jresnet.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** {@code jresnet fingerprint}, which has two parts. */
@Command(
    name = "fingerprint",
    description = {
      "Removes the traces that generators leave: an autoencoder that has seen real faces alone draws fakes anew (GANprintR)."
          + " Attack your own detector with the result, then train on it."
    },
    subcommands = {FingerprintTrainCommand.class, FingerprintApplyCommand.class})
final class FingerprintCommand implements Callable<Integer> {
  @Override
  public Integer call() {
    throw new UsageError(
        "name what to do: ./jresnet fingerprint train REAL --out DIR, or ./jresnet fingerprint apply"
            + " DIR FAKES OUT");
  }
}
