package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.LANES;

/**
 * Checks of a whole loop at once. The launcher switches off the checks of single vectors, which
 * take up to half of a loop's time, so each loop over vectors has to call this before it starts.
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
