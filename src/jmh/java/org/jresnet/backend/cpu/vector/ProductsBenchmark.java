package org.jresnet.backend.cpu.vector;

import java.util.SplittableRandom;
import org.jresnet.HostBenchmark;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;

/**
 * The two matrix products of Winograd's algorithm, with 256 channels (or tiles) in the first cache.
 *
 * <p>Floor: two vectors of multiply-adds per cycle. With 16 lanes, {@link #multiply} has 256·14·32
 * multiply-adds in 3584 such cycles, {@link #accumulate} 256·8·32 in 2048.
 */
public class ProductsBenchmark extends HostBenchmark {
  private static final int DEPTH = 256;

  /** Sums of 256 products of values below 1, in single precision and another order. */
  private static final double TOLERANCE = 1e-4;

  private final float[] a = draw(DEPTH * Products.ROWS, 1);
  private final float[] b = draw(DEPTH * Products.PANEL, 2);
  private final float[] y = new float[Products.ROWS * Products.PANEL];
  private final float[] tiles = draw(DEPTH * Products.LANES, 3);
  private final float[] sums = new float[Products.SUM_ROWS * Products.PANEL];

  private static float[] draw(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextDouble(-1, 1);
    }
    return values;
  }

  /** Compares every element with its sum in double precision. */
  @Setup
  public void check() {
    multiply();
    accumulate();
    for (int column = 0; column < Products.PANEL; column++) {
      for (int row = 0; row < Products.ROWS; row++) {
        double sum = 0;
        for (int c = 0; c < DEPTH; c++) {
          int block = c / Products.LANES * Products.ROWS + row;
          sum += (double) a[block * Products.LANES + c % Products.LANES] * b[at(c, column)];
        }
        require("product " + row + "," + column, sum, y[at(row, column)], TOLERANCE);
      }
      for (int row = 0; row < Products.SUM_ROWS; row++) {
        double sum = 0;
        for (int t = 0; t < DEPTH; t++) {
          sum += (double) tiles[t * Products.LANES + row] * b[at(t, column)];
        }
        require("sum " + row + "," + column, sum, sums[at(row, column)], TOLERANCE);
      }
    }
  }

  private static int at(int row, int column) {
    return row * Products.PANEL + column;
  }

  /** Fourteen tiles, or six, times a panel of filters. */
  @Benchmark
  public float[] multiply() {
    int stride = Products.ROWS * Products.LANES;
    Products.multiply(a, 0, stride, Products.ROWS, DEPTH, b, 0, y, 0);
    return y;
  }

  /** Adds the products of 256 tiles and their gradients; the sums stay finite however often. */
  @Benchmark
  public float[] accumulate() {
    java.util.Arrays.fill(sums, 0);
    Products.accumulate(tiles, 0, b, 0, DEPTH, sums, 0);
    return sums;
  }
}
