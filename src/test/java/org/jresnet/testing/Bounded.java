package org.jresnet.testing;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.concurrent.Callable;

/**
 * Time and memory of a reader of outside bytes, held against the number of those bytes. Time is
 * that of this thread on its core, so a busy machine changes nothing.
 */
public final class Bounded {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private static final int TRIES = 3;

  private Bounded() {}

  /**
   * What a reader may use: a constant part for loading classes, and a part for each byte.
   *
   * @param seconds constant time
   * @param microsPerByte time for each byte
   * @param bytes constant memory
   * @param bytesPerByte memory for each byte
   */
  public record Limits(double seconds, double microsPerByte, long bytes, long bytesPerByte) {}

  /**
   * Runs a reader; again, up to {@link #TRIES} times, where it used too much, since the first time
   * loads classes.
   *
   * @throws AssertionError when it took more time or memory than the limits allow for that size
   */
  public static <T> T run(Limits limits, long size, Callable<T> reader) throws Exception {
    double allowedSeconds = limits.seconds() + size * limits.microsPerByte() / 1e6;
    long allowedBytes = limits.bytes() + size * limits.bytesPerByte();
    for (int tries = 1; ; tries++) {
      long allocated = THREADS.getCurrentThreadAllocatedBytes();
      long start = THREADS.getCurrentThreadCpuTime();
      T result = reader.call();
      double seconds = (THREADS.getCurrentThreadCpuTime() - start) / 1e9;
      long bytes = THREADS.getCurrentThreadAllocatedBytes() - allocated;
      if (seconds <= allowedSeconds && bytes <= allowedBytes) {
        return result;
      }
      if (tries == TRIES) {
        throw new AssertionError(
            String.format(
                "%d bytes took %.3f s (allowed %.3f) and %,d bytes of memory (allowed %,d)",
                size, seconds, allowedSeconds, bytes, allowedBytes));
      }
    }
  }
}
