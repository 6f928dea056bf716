package org.jresnet.distributed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The communicators that need no MPI. */
final class CommunicatorTest {
  @Test
  void oneProcess() {
    CommunicatorContract.check(Solo.INSTANCE);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 7})
  void threads(int size) {
    assertThat(
            ThreadRanks.run(
                size,
                ranks -> {
                  CommunicatorContract.check(ranks);
                  return ranks.rank();
                }))
        .hasSize(size)
        .doesNotHaveDuplicates();
  }

  @Test
  void ranksOfOneMachineAreNumbered() {
    assertThat(ThreadRanks.run(3, Neighbours::of))
        .containsExactly(new Neighbours(0, 3), new Neighbours(1, 3), new Neighbours(2, 3));
    assertThat(Neighbours.of(Solo.INSTANCE)).isEqualTo(Neighbours.NONE);
  }

  @Test
  void whoDoesNotComeIsNamed() {
    assertThatThrownBy(
            () ->
                ThreadRanks.run(
                    ThreadRanks.of(4, Duration.ofMillis(300)),
                    ranks -> {
                      if (ranks.rank() == 2) {
                        sleep(1000);
                      }
                      ranks.barrier();
                      return null;
                    }))
        .isInstanceOf(RankFailure.class)
        .hasMessageContaining("rank 2 of 4 did not come within")
        .hasMessageContaining("--resume");
  }

  private static void sleep(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
