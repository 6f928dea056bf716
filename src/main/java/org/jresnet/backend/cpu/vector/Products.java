package org.jresnet.backend.cpu.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Matrix products on arrays. Sums stay in registers for the whole of the inner loop; the compiler
 * only keeps them there if each is a variable of its own, hence the long form.
 */
final class Products {
  static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

  /** Values of a vector. */
  static final int LANES = SPECIES.length();

  /** Width of a panel: two vectors. */
  static final int PANEL = 2 * LANES;

  private static final int FEW = 6;

  /** Rows that {@link #multiply} computes at a time where there are enough. */
  static final int ROWS = LANES == 16 ? 14 : FEW;

  /** Rows that {@link #accumulate} computes: eight where there are 32 registers, else four. */
  static final int SUM_ROWS = Math.min(8, LANES);

  private Products() {}

  static FloatVector load(float[] a, int at) {
    return FloatVector.fromArray(SPECIES, a, at);
  }

  /** Rows that {@link #multiply} computes for so many that are wanted. */
  static int rounded(int rows) {
    int rest = rows % ROWS;
    return rows - rest + (rest > 2 * FEW ? ROWS : (rest + FEW - 1) / FEW * FEW);
  }

  /**
   * {@code y = a·b} for rows of {@code a} and one panel of {@code b}.
   *
   * @param a blocks of {@link #LANES} channels, {@code stride} apart; rows of a block lie side by
   *     side
   * @param rows as many as {@link #rounded} are computed
   * @param channels a multiple of {@link #LANES}
   * @param b a row of {@link #PANEL} values for each channel, side by side
   * @param y rows of {@link #PANEL} values, side by side
   */
  static void multiply(
      float[] a,
      int at,
      int stride,
      int rows,
      int channels,
      float[] b,
      int from,
      float[] y,
      int to) {
    Bounds.check(b, from, (long) channels * PANEL);
    Bounds.check(y, to, (long) rounded(rows) * PANEL);
    int step;
    for (int row = 0; row < rows; row += step) {
      step = rows - row > 2 * FEW ? ROWS : FEW;
      if (step == FEW) {
        few(a, at + row * LANES, stride, channels, b, from, y, to + row * PANEL);
      } else {
        many(a, at + row * LANES, stride, channels, b, from, y, to + row * PANEL);
      }
    }
  }

  /**
   * Six rows: twelve sums stay in registers, as many as AVX2's sixteen registers allow beside a
   * panel's row and one value. That is also more than the eight that two multiply-adds per cycle of
   * four cycles' latency keep under way.
   */
  private static void few(
      float[] a, int at, int stride, int channels, float[] b, int from, float[] y, int to) {
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector l0 = zero;
    FloatVector r0 = zero;
    FloatVector l1 = zero;
    FloatVector r1 = zero;
    FloatVector l2 = zero;
    FloatVector r2 = zero;
    FloatVector l3 = zero;
    FloatVector r3 = zero;
    FloatVector l4 = zero;
    FloatVector r4 = zero;
    FloatVector l5 = zero;
    FloatVector r5 = zero;
    for (int block = 0; block < channels; block += LANES) {
      for (int i = 0; i < LANES; i++) {
        FloatVector left = FloatVector.fromArray(SPECIES, b, from);
        FloatVector right = FloatVector.fromArray(SPECIES, b, from + LANES);
        from += PANEL;
        FloatVector value;
        value = FloatVector.broadcast(SPECIES, a[at + i]);
        l0 = value.fma(left, l0);
        r0 = value.fma(right, r0);
        value = FloatVector.broadcast(SPECIES, a[at + i + LANES]);
        l1 = value.fma(left, l1);
        r1 = value.fma(right, r1);
        value = FloatVector.broadcast(SPECIES, a[at + i + 2 * LANES]);
        l2 = value.fma(left, l2);
        r2 = value.fma(right, r2);
        value = FloatVector.broadcast(SPECIES, a[at + i + 3 * LANES]);
        l3 = value.fma(left, l3);
        r3 = value.fma(right, r3);
        value = FloatVector.broadcast(SPECIES, a[at + i + 4 * LANES]);
        l4 = value.fma(left, l4);
        r4 = value.fma(right, r4);
        value = FloatVector.broadcast(SPECIES, a[at + i + 5 * LANES]);
        l5 = value.fma(left, l5);
        r5 = value.fma(right, r5);
      }
      at += stride;
    }
    l0.intoArray(y, to);
    r0.intoArray(y, to + LANES);
    l1.intoArray(y, to + PANEL);
    r1.intoArray(y, to + PANEL + LANES);
    l2.intoArray(y, to + 2 * PANEL);
    r2.intoArray(y, to + 2 * PANEL + LANES);
    l3.intoArray(y, to + 3 * PANEL);
    r3.intoArray(y, to + 3 * PANEL + LANES);
    l4.intoArray(y, to + 4 * PANEL);
    r4.intoArray(y, to + 4 * PANEL + LANES);
    l5.intoArray(y, to + 5 * PANEL);
    r5.intoArray(y, to + 5 * PANEL + LANES);
  }

  /** Fourteen rows for 32 registers: a panel is read less often, which matters beyond L1. */
  private static void many(
      float[] a, int at, int stride, int channels, float[] b, int from, float[] y, int to) {
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector l0 = zero;
    FloatVector r0 = zero;
    FloatVector l1 = zero;
    FloatVector r1 = zero;
    FloatVector l2 = zero;
    FloatVector r2 = zero;
    FloatVector l3 = zero;
    FloatVector r3 = zero;
    FloatVector l4 = zero;
    FloatVector r4 = zero;
    FloatVector l5 = zero;
    FloatVector r5 = zero;
    FloatVector l6 = zero;
    FloatVector r6 = zero;
    FloatVector l7 = zero;
    FloatVector r7 = zero;
    FloatVector l8 = zero;
    FloatVector r8 = zero;
    FloatVector l9 = zero;
    FloatVector r9 = zero;
    FloatVector l10 = zero;
    FloatVector r10 = zero;
    FloatVector l11 = zero;
    FloatVector r11 = zero;
    FloatVector l12 = zero;
    FloatVector r12 = zero;
    FloatVector l13 = zero;
    FloatVector r13 = zero;
    for (int block = 0; block < channels; block += LANES) {
      for (int i = 0; i < LANES; i++) {
        FloatVector left = FloatVector.fromArray(SPECIES, b, from);
        FloatVector right = FloatVector.fromArray(SPECIES, b, from + LANES);
        from += PANEL;
        FloatVector value;
        value = FloatVector.broadcast(SPECIES, a[at + i]);
        l0 = value.fma(left, l0);
        r0 = value.fma(right, r0);
        value = FloatVector.broadcast(SPECIES, a[at + i + LANES]);
        l1 = value.fma(left, l1);
        r1 = value.fma(right, r1);
        value = FloatVector.broadcast(SPECIES, a[at + i + 2 * LANES]);
        l2 = value.fma(left, l2);
        r2 = value.fma(right, r2);
        value = FloatVector.broadcast(SPECIES, a[at + i + 3 * LANES]);
        l3 = value.fma(left, l3);
        r3 = value.fma(right, r3);
        value = FloatVector.broadcast(SPECIES, a[at + i + 4 * LANES]);
        l4 = value.fma(left, l4);
        r4 = value.fma(right, r4);
        value = FloatVector.broadcast(SPECIES, a[at + i + 5 * LANES]);
        l5 = value.fma(left, l5);
        r5 = value.fma(right, r5);
        value = FloatVector.broadcast(SPECIES, a[at + i + 6 * LANES]);
        l6 = value.fma(left, l6);
        r6 = value.fma(right, r6);
        value = FloatVector.broadcast(SPECIES, a[at + i + 7 * LANES]);
        l7 = value.fma(left, l7);
        r7 = value.fma(right, r7);
        value = FloatVector.broadcast(SPECIES, a[at + i + 8 * LANES]);
        l8 = value.fma(left, l8);
        r8 = value.fma(right, r8);
        value = FloatVector.broadcast(SPECIES, a[at + i + 9 * LANES]);
        l9 = value.fma(left, l9);
        r9 = value.fma(right, r9);
        value = FloatVector.broadcast(SPECIES, a[at + i + 10 * LANES]);
        l10 = value.fma(left, l10);
        r10 = value.fma(right, r10);
        value = FloatVector.broadcast(SPECIES, a[at + i + 11 * LANES]);
        l11 = value.fma(left, l11);
        r11 = value.fma(right, r11);
        value = FloatVector.broadcast(SPECIES, a[at + i + 12 * LANES]);
        l12 = value.fma(left, l12);
        r12 = value.fma(right, r12);
        value = FloatVector.broadcast(SPECIES, a[at + i + 13 * LANES]);
        l13 = value.fma(left, l13);
        r13 = value.fma(right, r13);
      }
      at += stride;
    }
    l0.intoArray(y, to);
    r0.intoArray(y, to + LANES);
    l1.intoArray(y, to + PANEL);
    r1.intoArray(y, to + PANEL + LANES);
    l2.intoArray(y, to + 2 * PANEL);
    r2.intoArray(y, to + 2 * PANEL + LANES);
    l3.intoArray(y, to + 3 * PANEL);
    r3.intoArray(y, to + 3 * PANEL + LANES);
    l4.intoArray(y, to + 4 * PANEL);
    r4.intoArray(y, to + 4 * PANEL + LANES);
    l5.intoArray(y, to + 5 * PANEL);
    r5.intoArray(y, to + 5 * PANEL + LANES);
    l6.intoArray(y, to + 6 * PANEL);
    r6.intoArray(y, to + 6 * PANEL + LANES);
    l7.intoArray(y, to + 7 * PANEL);
    r7.intoArray(y, to + 7 * PANEL + LANES);
    l8.intoArray(y, to + 8 * PANEL);
    r8.intoArray(y, to + 8 * PANEL + LANES);
    l9.intoArray(y, to + 9 * PANEL);
    r9.intoArray(y, to + 9 * PANEL + LANES);
    l10.intoArray(y, to + 10 * PANEL);
    r10.intoArray(y, to + 10 * PANEL + LANES);
    l11.intoArray(y, to + 11 * PANEL);
    r11.intoArray(y, to + 11 * PANEL + LANES);
    l12.intoArray(y, to + 12 * PANEL);
    r12.intoArray(y, to + 12 * PANEL + LANES);
    l13.intoArray(y, to + 13 * PANEL);
    r13.intoArray(y, to + 13 * PANEL + LANES);
  }

  /**
   * {@code y += aᵀ·b} for {@link #SUM_ROWS} channels of {@code a} and one panel of {@code b}.
   *
   * @param a a row of {@link #LANES} channels for each tile, side by side
   * @param b a row of {@link #PANEL} values for each tile, side by side
   * @param y rows of {@link #PANEL} values, side by side
   */
  static void accumulate(float[] a, int at, float[] b, int from, int tiles, float[] y, int to) {
    Bounds.check(b, from, (long) tiles * PANEL);
    Bounds.check(y, to, (long) SUM_ROWS * PANEL);
    if (LANES == 16) {
      eightRows(a, at, b, from, tiles, y, to);
    } else {
      for (int row = 0; row < SUM_ROWS; row += 4) {
        fourRows(a, at + row, b, from, tiles, y, to + row * PANEL);
      }
    }
  }

  private static void eightRows(
      float[] a, int at, float[] b, int from, int tiles, float[] y, int to) {
    FloatVector l0 = FloatVector.fromArray(SPECIES, y, to + 0 * PANEL);
    FloatVector r0 = FloatVector.fromArray(SPECIES, y, to + 0 * PANEL + LANES);
    FloatVector l1 = FloatVector.fromArray(SPECIES, y, to + 1 * PANEL);
    FloatVector r1 = FloatVector.fromArray(SPECIES, y, to + 1 * PANEL + LANES);
    FloatVector l2 = FloatVector.fromArray(SPECIES, y, to + 2 * PANEL);
    FloatVector r2 = FloatVector.fromArray(SPECIES, y, to + 2 * PANEL + LANES);
    FloatVector l3 = FloatVector.fromArray(SPECIES, y, to + 3 * PANEL);
    FloatVector r3 = FloatVector.fromArray(SPECIES, y, to + 3 * PANEL + LANES);
    FloatVector l4 = FloatVector.fromArray(SPECIES, y, to + 4 * PANEL);
    FloatVector r4 = FloatVector.fromArray(SPECIES, y, to + 4 * PANEL + LANES);
    FloatVector l5 = FloatVector.fromArray(SPECIES, y, to + 5 * PANEL);
    FloatVector r5 = FloatVector.fromArray(SPECIES, y, to + 5 * PANEL + LANES);
    FloatVector l6 = FloatVector.fromArray(SPECIES, y, to + 6 * PANEL);
    FloatVector r6 = FloatVector.fromArray(SPECIES, y, to + 6 * PANEL + LANES);
    FloatVector l7 = FloatVector.fromArray(SPECIES, y, to + 7 * PANEL);
    FloatVector r7 = FloatVector.fromArray(SPECIES, y, to + 7 * PANEL + LANES);
    for (int t = 0; t < tiles; t++) {
      FloatVector left = FloatVector.fromArray(SPECIES, b, from + t * PANEL);
      FloatVector right = FloatVector.fromArray(SPECIES, b, from + t * PANEL + LANES);
      FloatVector value;
      value = FloatVector.broadcast(SPECIES, a[at + t * LANES + 0]);
      l0 = value.fma(left, l0);
      r0 = value.fma(right, r0);
      value = FloatVector.broadcast(SPECIES, a[at + t * LANES + 1]);
      l1 = value.fma(left, l1);
      r1 = value.fma(right, r1);
      value = FloatVector.broadcast(SPECIES, a[at + t * LANES + 2]);
      l2 = value.fma(left, l2);
      r2 = value.fma(right, r2);
      value = FloatVector.broadcast(SPECIES, a[at + t * LANES + 3]);
      l3 = value.fma(left, l3);
      r3 = value.fma(right, r3);
      value = FloatVector.broadcast(SPECIES, a[at + t * LANES + 4]);
      l4 = value.fma(left, l4);
      r4 = value.fma(right, r4);
      value = FloatVector.broadcast(SPECIES, a[at + t * LANES + 5]);
      l5 = value.fma(left, l5);
      r5 = value.fma(right, r5);
      value = FloatVector.broadcast(SPECIES, a[at + t * LANES + 6]);
      l6 = value.fma(left, l6);
      r6 = value.fma(right, r6);
      value = FloatVector.broadcast(SPECIES, a[at + t * LANES + 7]);
      l7 = value.fma(left, l7);
      r7 = value.fma(right, r7);
    }
    l0.intoArray(y, to + 0 * PANEL);
    r0.intoArray(y, to + 0 * PANEL + LANES);
    l1.intoArray(y, to + 1 * PANEL);
    r1.intoArray(y, to + 1 * PANEL + LANES);
    l2.intoArray(y, to + 2 * PANEL);
    r2.intoArray(y, to + 2 * PANEL + LANES);
    l3.intoArray(y, to + 3 * PANEL);
    r3.intoArray(y, to + 3 * PANEL + LANES);
    l4.intoArray(y, to + 4 * PANEL);
    r4.intoArray(y, to + 4 * PANEL + LANES);
    l5.intoArray(y, to + 5 * PANEL);
    r5.intoArray(y, to + 5 * PANEL + LANES);
    l6.intoArray(y, to + 6 * PANEL);
    r6.intoArray(y, to + 6 * PANEL + LANES);
    l7.intoArray(y, to + 7 * PANEL);
    r7.intoArray(y, to + 7 * PANEL + LANES);
  }

  private static void fourRows(
      float[] a, int at, float[] b, int from, int tiles, float[] y, int to) {
    FloatVector l0 = FloatVector.fromArray(SPECIES, y, to + 0 * PANEL);
    FloatVector r0 = FloatVector.fromArray(SPECIES, y, to + 0 * PANEL + LANES);
    FloatVector l1 = FloatVector.fromArray(SPECIES, y, to + 1 * PANEL);
    FloatVector r1 = FloatVector.fromArray(SPECIES, y, to + 1 * PANEL + LANES);
    FloatVector l2 = FloatVector.fromArray(SPECIES, y, to + 2 * PANEL);
    FloatVector r2 = FloatVector.fromArray(SPECIES, y, to + 2 * PANEL + LANES);
    FloatVector l3 = FloatVector.fromArray(SPECIES, y, to + 3 * PANEL);
    FloatVector r3 = FloatVector.fromArray(SPECIES, y, to + 3 * PANEL + LANES);
    for (int t = 0; t < tiles; t++) {
      FloatVector left = FloatVector.fromArray(SPECIES, b, from + t * PANEL);
      FloatVector right = FloatVector.fromArray(SPECIES, b, from + t * PANEL + LANES);
      FloatVector value;
      value = FloatVector.broadcast(SPECIES, a[at + t * LANES + 0]);
      l0 = value.fma(left, l0);
      r0 = value.fma(right, r0);
      value = FloatVector.broadcast(SPECIES, a[at + t * LANES + 1]);
      l1 = value.fma(left, l1);
      r1 = value.fma(right, r1);
      value = FloatVector.broadcast(SPECIES, a[at + t * LANES + 2]);
      l2 = value.fma(left, l2);
      r2 = value.fma(right, r2);
      value = FloatVector.broadcast(SPECIES, a[at + t * LANES + 3]);
      l3 = value.fma(left, l3);
      r3 = value.fma(right, r3);
    }
    l0.intoArray(y, to + 0 * PANEL);
    r0.intoArray(y, to + 0 * PANEL + LANES);
    l1.intoArray(y, to + 1 * PANEL);
    r1.intoArray(y, to + 1 * PANEL + LANES);
    l2.intoArray(y, to + 2 * PANEL);
    r2.intoArray(y, to + 2 * PANEL + LANES);
    l3.intoArray(y, to + 3 * PANEL);
    r3.intoArray(y, to + 3 * PANEL + LANES);
  }
}
