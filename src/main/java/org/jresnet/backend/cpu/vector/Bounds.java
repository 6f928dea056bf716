package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.LANES;

/**
 * Checks of a whole loop at once. The checks of single vectors take up to half of a loop's time;
 * where the whole range was checked before, the JVM drops most of them.
 */
final class Bounds {
  private Bounds() {}

  /** Checks {@code count} values from value {@code at} on. */
  static void check(float[] a, int at, long count) {
    if (at < 0 || count < 0 || at + count > a.length) {
      throw new IndexOutOfBoundsException(
          "values " + at + " to " + (at + count) + " of an array of " + a.length);
    }
  }

  /** Checks the vectors that hold {@code count} values from value {@code at} on. */
  static void checkWhole(float[] a, int at, int count) {
    check(a, at, (count + LANES - 1L) / LANES * LANES);
  }

  /**
   * Checks vectors that lie {@code step} apart, {@code rows} of them, and that so often, {@code
   * advance} apart.
   */
  static void check(float[] a, int at, int step, int rows, int advance, int count) {
    if (step < 0 || advance < 0) {
      throw new IndexOutOfBoundsException("steps of " + step + " and " + advance);
    }
    if (count > 0) {
      check(a, at, (rows - 1L) * step + (count - 1L) * advance + LANES);
    }
  }
}
