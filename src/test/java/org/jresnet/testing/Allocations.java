package org.jresnet.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import org.jresnet.nativebindings.onednn.HostMemory;

/** What steps allocate on the Java heap and as native objects. */
public final class Allocations {
  /** Bytes; an object for each of a step's calls would be more. */
  private static final long LITTLE = 1024;

  private Allocations() {}

  /**
   * After fifty steps, fifty more leave nothing behind.
   *
   * @param rounds of fifty steps, one of which has to pass
   */
  public static void requireNone(int rounds, Runnable step) {
    int steps = 50;
    // The first call of the meter loads its classes.
    garbage();
    for (int i = 0; i < steps; i++) {
      step.run();
    }
    long objects = 0;
    long perStep = Long.MAX_VALUE;
    for (int round = 0; round < rounds && perStep >= LITTLE; round++) {
      objects = HostMemory.nativeObjects();
      long garbage = garbage();
      for (int i = 0; i < steps; i++) {
        step.run();
      }
      perStep = (garbage() - garbage) / steps;
    }
    // Every JavaCPP allocation also makes Java objects, so this bounds their churn, too.
    assertThat(perStep).isLessThan(LITTLE);
    assertThat(HostMemory.nativeObjects()).isEqualTo(objects);
  }

  /** Bytes that this thread and the backend's workers have ever allocated on the Java heap. */
  private static long garbage() {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long sum = threads.getThreadAllocatedBytes(Thread.currentThread().getId());
    for (ThreadInfo info : threads.getThreadInfo(threads.getAllThreadIds())) {
      if (info != null && info.getThreadName().startsWith("jresnet-worker")) {
        sum += threads.getThreadAllocatedBytes(info.getThreadId());
      }
    }
    return sum;
  }
}
