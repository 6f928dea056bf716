package org.jresnet.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is gathered, what is refused, and that nobody waits for ever. */
@Timeout(60)
final class BatcherTest {
  private static final long NONE = 0;
  private static final long LONG = TimeUnit.HOURS.toNanos(1);

  private final List<List<Integer>> passes = Collections.synchronizedList(new ArrayList<>());
  private final CountDownLatch go = new CountDownLatch(1);
  private Batcher<Integer, Integer> batcher;

  private void start(int largest, long delay, int places) {
    batcher =
        new Batcher<>(
            "test",
            new Batcher.Limits(largest, delay, places),
            inputs -> {
              passes.add(inputs);
              return inputs.stream().map(i -> i * i).toList();
            });
  }

  /** The pass waits for {@link #go}. */
  private void startSlow(int largest, long delay, int places) {
    batcher =
        new Batcher<>(
            "test",
            new Batcher.Limits(largest, delay, places),
            inputs -> {
              passes.add(inputs);
              await(go);
              return inputs.stream().map(i -> i * i).toList();
            });
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private CompletableFuture<Batcher.Done<Integer>> submit(int input) {
    assertThat(batcher.reserve(1)).as("a place for %d", input).isTrue();
    return batcher.submit(input);
  }

  @AfterEach
  void close() {
    go.countDown();
    batcher.close();
  }

  @Test
  void aFullBatchStartsWithoutWaiting() throws Exception {
    start(3, LONG, 10);
    List<CompletableFuture<Batcher.Done<Integer>>> all = new ArrayList<>();
    for (int i = 1; i <= 3; i++) {
      all.add(submit(i));
    }
    for (int i = 1; i <= 3; i++) {
      Batcher.Done<Integer> done = all.get(i - 1).get(30, TimeUnit.SECONDS);
      assertThat(done.output()).isEqualTo(i * i);
      assertThat(done.batch()).isEqualTo(3);
    }
    assertThat(passes).containsExactly(List.of(1, 2, 3));
  }

  @Test
  void aSingleInputStartsAfterTheDelayAndNotBefore() throws Exception {
    long delay = TimeUnit.MILLISECONDS.toNanos(80);
    start(16, delay, 10);
    Batcher.Done<Integer> done = submit(7).get(30, TimeUnit.SECONDS);
    assertThat(done.waitedNanos()).isGreaterThanOrEqualTo(delay);
    assertThat(done.output()).isEqualTo(49);
    assertThat(done.batch()).isOne();
  }

  @Test
  void whatArrivesDuringAPassIsTheNextOne() throws Exception {
    startSlow(4, NONE, 20);
    var first = submit(0);
    while (passes.isEmpty()) {
      Thread.sleep(1);
    }
    List<CompletableFuture<Batcher.Done<Integer>>> all = new ArrayList<>();
    for (int i = 1; i <= 6; i++) {
      all.add(submit(i));
    }
    go.countDown();
    first.get(30, TimeUnit.SECONDS);
    for (CompletableFuture<?> one : all) {
      one.get(30, TimeUnit.SECONDS);
    }
    assertThat(passes).containsExactly(List.of(0), List.of(1, 2, 3, 4), List.of(5, 6));
  }

  @Test
  void placesAreBoundedAndWhatIsReservedCounts() throws Exception {
    startSlow(1, NONE, 3);
    var first = submit(1);
    while (passes.isEmpty()) {
      Thread.sleep(1);
    }
    assertThat(batcher.reserve(4)).as("more than there are").isFalse();
    assertThat(batcher.reserve(2)).isTrue();
    var second = submit(2);
    assertThat(batcher.taken()).isEqualTo(3);
    assertThat(batcher.reserve(1)).as("all are taken").isFalse();
    batcher.release();
    assertThat(batcher.reserve(1)).as("one was given back").isTrue();
    batcher.release();
    batcher.release();
    go.countDown();
    first.get(30, TimeUnit.SECONDS);
    second.get(30, TimeUnit.SECONDS);
    assertThat(batcher.taken()).isZero();
    assertThat(batcher.secondsOfWork()).isOne();
    assertThatThrownBy(() -> batcher.submit(1)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void whatNobodyWaitsForIsNotComputed() throws Exception {
    startSlow(1, NONE, 10);
    var first = submit(1);
    while (passes.isEmpty()) {
      Thread.sleep(1);
    }
    var gone = submit(2);
    var third = submit(3);
    gone.cancel(false);
    go.countDown();
    first.get(30, TimeUnit.SECONDS);
    third.get(30, TimeUnit.SECONDS);
    assertThat(passes).containsExactly(List.of(1), List.of(3));
  }

  @Test
  void aFailureReachesItsBatchAndTheNextIsComputed() throws Exception {
    batcher =
        new Batcher<>(
            "test",
            new Batcher.Limits(1, NONE, 10),
            inputs -> {
              if (inputs.get(0) == 1) {
                throw new StackOverflowError("deep");
              }
              return inputs.get(0) == 2 ? List.of() : inputs;
            });
    var failing = submit(1);
    var short1 = submit(2);
    var good = submit(3);
    assertThatThrownBy(() -> failing.get(30, TimeUnit.SECONDS))
        .isInstanceOf(ExecutionException.class)
        .hasRootCauseMessage("deep");
    assertThatThrownBy(() -> short1.get(30, TimeUnit.SECONDS))
        .hasRootCauseMessage("0 outputs for 1 inputs");
    assertThat(good.get(30, TimeUnit.SECONDS).output()).isEqualTo(3);
  }

  @Test
  void closingComputesWhatWaitsAndWhatIsReserved() throws Exception {
    startSlow(2, LONG, 10);
    assertThat(batcher.reserve(1)).isTrue();
    var waiting = submit(5);
    CompletableFuture<Boolean> closing =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return batcher.close(30, TimeUnit.SECONDS);
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
            });
    while (batcher.reserve(1)) {
      batcher.release();
      Thread.sleep(1);
    }
    var decoded = batcher.submit(6);
    go.countDown();
    assertThat(closing.get(30, TimeUnit.SECONDS)).isTrue();
    assertThat(waiting.get().output()).isEqualTo(25);
    assertThat(decoded.get().output()).isEqualTo(36);
    assertThat(batcher.reserve(1)).isFalse();
  }

  @Test
  void whatTakesTooLongIsGivenUp() throws Exception {
    startSlow(1, NONE, 10);
    var running = submit(1);
    while (passes.isEmpty()) {
      Thread.sleep(1);
    }
    var waiting = submit(2);
    CompletableFuture<Boolean> closing =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return batcher.close(50, TimeUnit.MILLISECONDS);
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
            });
    assertThat(closing.get(30, TimeUnit.SECONDS)).isFalse();
    assertThatThrownBy(() -> waiting.get(30, TimeUnit.SECONDS))
        .isInstanceOf(CancellationException.class);
    assertThat(running).isCompletedExceptionally();
  }
}
