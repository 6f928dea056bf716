package org.jresnet;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * How every benchmark is measured: milliseconds per call, three JVMs, five seconds of warm-up and
 * five measured ones in each. A benchmark checks its result in its setup and throws if it is wrong,
 * so that no wrong result is ever timed.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@State(Scope.Benchmark)
@Fork(3)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public abstract class HostBenchmark {
  /** F32 numbers outside the heap, between -1 and 1. */
  protected static ByteBuffer numbers(int count, long seed) {
    ByteBuffer bytes = ByteBuffer.allocateDirect(4 * count).order(ByteOrder.nativeOrder());
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < count; i++) {
      bytes.putFloat(4 * i, (float) random.nextDouble(-1, 1));
    }
    return bytes;
  }

  /** Throws if a result is not what it must be. */
  protected static void require(String what, Object expected, Object found) {
    if (!expected.equals(found)) {
      throw new IllegalStateException(what + ": expected " + expected + ", found " + found);
    }
  }

  /** Throws if a value is not within {@code tolerance} of what it must be; NaN never is. */
  protected static void require(String what, double expected, double found, double tolerance) {
    if (!(Math.abs(found - expected) <= tolerance)) {
      throw new IllegalStateException(
          what + ": expected " + expected + " within " + tolerance + ", found " + found);
    }
  }
}
