package org.jresnet.backend.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jresnet.nativebindings.cuda.CudaStream;
import org.jresnet.nativebindings.cuda.CudnnHandle;
import org.jresnet.nativebindings.cuda.Target;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Threads that make plans, each with a cuDNN of its own. */
final class PlanWorkersTest {
  private final AtomicInteger opened = new AtomicInteger();
  private CudaStream stream;

  @BeforeEach
  void open() {
    TestBackends.open("gpu").close();
    stream = new CudaStream();
  }

  @AfterEach
  void close() {
    if (stream != null) {
      stream.close();
    }
  }

  private PlanWorkers workers() {
    return new PlanWorkers(
        () -> {
          opened.incrementAndGet();
          return new CudnnHandle(stream);
        });
  }

  @Test
  void tasksRunAtTheSameTimeInThreadsOfTheirOwn() {
    assumeTrue(Runtime.getRuntime().availableProcessors() > 1, "one processor");
    CyclicBarrier met = new CyclicBarrier(2);
    Consumer<Target> task =
        own -> {
          try {
            met.await(1, TimeUnit.MINUTES);
          } catch (InterruptedException | BrokenBarrierException | TimeoutException e) {
            throw new IllegalStateException("nobody came", e);
          }
        };
    try (PlanWorkers workers = workers()) {
      workers.run(List.of(task, task));
    }
    assertThat(opened).hasValue(2);
  }

  @Test
  void aFailureEndsTheCallWhenAllAreDone() {
    AtomicInteger done = new AtomicInteger();
    Consumer<Target> fails =
        own -> {
          throw new IllegalArgumentException("no such engine");
        };
    try (PlanWorkers workers = workers()) {
      assertThatThrownBy(() -> workers.run(List.of(fails, own -> done.incrementAndGet(), fails)))
          .hasMessageContaining("no such engine");
    }
    assertThat(done).hasValue(1);
  }
}
