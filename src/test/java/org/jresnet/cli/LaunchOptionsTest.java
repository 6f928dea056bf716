package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.jresnet.distributed.SharedError;
import org.jresnet.distributed.ThreadRanks;
import org.junit.jupiter.api.Test;

/** What ranks ask each other first. */
final class LaunchOptionsTest {
  private static void start(String... commands) {
    ThreadRanks.run(
        commands.length,
        rank -> {
          LaunchOptions.requireAlike(rank, commands[rank.rank()]);
          return null;
        });
  }

  @Test
  void otherVersionsAndOtherCommandsAreNamed() {
    start("jresnet 0.1.0: train", "jresnet 0.1.0: train");
    assertThatThrownBy(
            () ->
                start(
                    "jresnet 0.2.0: train",
                    "jresnet 0.2.0: train",
                    "jresnet 0.1.9: train",
                    "jresnet 0.2.0: train --resume"))
        .isInstanceOfSatisfying(
            SharedError.class,
            e ->
                assertThat(e.details())
                    .containsExactly(
                        "rank 2 beside rank 0: jresnet 0.1.9: train, not jresnet 0.2.0: train",
                        "rank 3 beside rank 0: jresnet 0.2.0: train --resume, not jresnet 0.2.0"
                            + ": train"));
  }
}
