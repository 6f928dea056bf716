package org.jresnet.backend.cpu.vector;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import org.jresnet.HostBenchmark;
import org.jresnet.base.BFloat16;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * Memory outside of the heap read to and written from an array, a row of 56 pixels with 64 channels
 * at a time, over 12.8 million values, more than caches hold.
 *
 * <p>Floor: the bytes of the memory, 51 MB in F32 and 26 MB in BF16, divided by its bandwidth.
 */
public class RowsBenchmark extends HostBenchmark {
  private static final int ROW = 56 * 64;
  private static final int COUNT = 56 * 64 * ROW;

  /** Type of the values. */
  @Param({"F32", "BF16"})
  public String type;

  private final float[] values = new float[ROW];
  private final short[] bits = new short[ROW];
  private Rows rows;

  /** Checks that what is written comes back, rounded as {@link BFloat16} rounds it. */
  @Setup
  public void check() {
    boolean half = type.equals("BF16");
    ByteBuffer memory =
        ByteBuffer.allocateDirect(COUNT * (half ? 2 : 4)).order(ByteOrder.nativeOrder());
    rows = half ? Rows.halves(memory) : Rows.floats(memory);
    SplittableRandom random = new SplittableRandom(1);
    float[] written = new float[ROW];
    for (int i = 0; i < ROW; i++) {
      written[i] = (float) random.nextDouble(-1, 1);
    }
    rows.put(ROW, written, 0, ROW, bits);
    rows.get(ROW, values, 0, ROW, bits);
    for (int i = 0; i < ROW; i++) {
      float expected = half ? BFloat16.toFloat(BFloat16.of(written[i])) : written[i];
      require("value " + i, expected, values[i]);
    }
  }

  /** Reads all. */
  @Benchmark
  public float[] read() {
    for (int at = 0; at < COUNT; at += ROW) {
      rows.get(at, values, 0, ROW, bits);
    }
    return values;
  }

  /** Writes all. */
  @Benchmark
  public Rows write() {
    for (int at = 0; at < COUNT; at += ROW) {
      rows.put(at, values, 0, ROW, bits);
    }
    return rows;
  }
}
