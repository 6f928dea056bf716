package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.LANES;
import static org.jresnet.backend.cpu.vector.Products.SPECIES;
import static org.jresnet.backend.cpu.vector.Products.load;

import jdk.incubator.vector.FloatVector;

/**
 * Products of one vector of channels of three rows of the input and three rows of the window, along
 * a whole row of the output. A filter's taps stay in registers. With stride 1 a vector of the input
 * is read once: it adds to the sums of all outputs that it meets, the {@code t}-th of which is
 * still to be met by {@code t} more columns.
 *
 * <p>What counts is how seldom arrays are read and written: five times for nine multiply-adds of a
 * 3x3 window with stride 1.
 */
final class Depthwise {
  /** Rows of the window that are computed together. */
  static final int ROWS = 3;

  /** Most taps of a row that are computed together; four are three and one. */
  static final int TAPS = 5;

  private Depthwise() {}

  /** Checks once what a loop reads of x and w. */
  static void check(float[] x, int[] rows, int reach, float[] w, int taps) {
    for (int r = 0; r < ROWS; r++) {
      Bounds.check(x, rows[r], reach + LANES);
      Bounds.check(w, rows[ROWS + r], taps + LANES);
    }
  }

  /**
   * {@code y[i] += Σ x[row][i + t]·w[row][t]} for one tap of each row.
   *
   * @param rows where the first values of x lie, for each row, then the first taps
   * @param pixel values from one column of x to the next
   * @param pitch values from one tap to the next
   * @param to the first output
   * @param step values from one output to the next
   */
  static void one(
      float[] x,
      int[] rows,
      int pixel,
      float[] w,
      int pitch,
      float[] y,
      int to,
      int step,
      int count) {
    check(x, rows, (count - 1) * pixel, w, 0);
    Bounds.check(y, to, (count - 1) * step + LANES);
    FloatVector w00 = load(w, rows[3]);
    FloatVector w10 = load(w, rows[4]);
    FloatVector w20 = load(w, rows[5]);
    int a = rows[0];
    int b = rows[1];
    int c = rows[2];
    int end = to + count * step;
    for (int o = to; o < end; o += step, a += pixel, b += pixel, c += pixel) {
      FloatVector x0 = load(x, a);
      FloatVector x1 = load(x, b);
      FloatVector x2 = load(x, c);
      x0.fma(w00, x1.fma(w10, x2.fma(w20, load(y, o)))).intoArray(y, o);
    }
  }

  /**
   * {@code y[i] += Σ x[row][i + t]·w[row][t]} for two taps of each row.
   *
   * @param rows where the first values of x lie, for each row, then the first taps
   * @param pixel values from one column of x to the next
   * @param pitch values from one tap to the next
   * @param to the output one before the first; what comes out before the first means nothing
   * @param step values from one output to the next
   */
  static void two(
      float[] x,
      int[] rows,
      int pixel,
      float[] w,
      int pitch,
      float[] y,
      int to,
      int step,
      int count) {
    check(x, rows, count * pixel, w, pitch);
    Bounds.check(y, to, count * step + LANES);
    FloatVector w00 = load(w, rows[3]);
    FloatVector w01 = load(w, rows[3] + pitch);
    FloatVector w10 = load(w, rows[4]);
    FloatVector w11 = load(w, rows[4] + pitch);
    FloatVector w20 = load(w, rows[5]);
    FloatVector w21 = load(w, rows[5] + pitch);
    FloatVector s1 = FloatVector.zero(SPECIES);
    int a = rows[0];
    int b = rows[1];
    int c = rows[2];
    int end = to + (count + 1) * step;
    for (int o = to; o < end; o += step, a += pixel, b += pixel, c += pixel) {
      FloatVector x0 = load(x, a);
      FloatVector x1 = load(x, b);
      FloatVector x2 = load(x, c);
      FloatVector sum = x0.fma(w01, x1.fma(w11, x2.fma(w21, s1)));
      sum.add(load(y, o)).intoArray(y, o);
      s1 = x0.fma(w00, x1.fma(w10, x2.mul(w20)));
    }
  }

  /**
   * {@code y[i] += Σ x[row][i + t]·w[row][t]} for three taps of each row.
   *
   * @param rows where the first values of x lie, for each row, then the first taps
   * @param pixel values from one column of x to the next
   * @param pitch values from one tap to the next
   * @param to the output two before the first; what comes out before the first means nothing
   * @param step values from one output to the next
   */
  static void three(
      float[] x,
      int[] rows,
      int pixel,
      float[] w,
      int pitch,
      float[] y,
      int to,
      int step,
      int count) {
    check(x, rows, (count + 1) * pixel, w, 2 * pitch);
    Bounds.check(y, to, (count + 1) * step + LANES);
    FloatVector w00 = load(w, rows[3]);
    FloatVector w01 = load(w, rows[3] + pitch);
    FloatVector w02 = load(w, rows[3] + 2 * pitch);
    FloatVector w10 = load(w, rows[4]);
    FloatVector w11 = load(w, rows[4] + pitch);
    FloatVector w12 = load(w, rows[4] + 2 * pitch);
    FloatVector w20 = load(w, rows[5]);
    FloatVector w21 = load(w, rows[5] + pitch);
    FloatVector w22 = load(w, rows[5] + 2 * pitch);
    FloatVector s1 = FloatVector.zero(SPECIES);
    FloatVector s2 = FloatVector.zero(SPECIES);
    int a = rows[0];
    int b = rows[1];
    int c = rows[2];
    int end = to + (count + 2) * step;
    for (int o = to; o < end; o += step, a += pixel, b += pixel, c += pixel) {
      FloatVector x0 = load(x, a);
      FloatVector x1 = load(x, b);
      FloatVector x2 = load(x, c);
      FloatVector sum = x0.fma(w02, x1.fma(w12, x2.fma(w22, s1)));
      sum.add(load(y, o)).intoArray(y, o);
      s1 = x0.fma(w01, x1.fma(w11, x2.fma(w21, s2)));
      s2 = x0.fma(w00, x1.fma(w10, x2.mul(w20)));
    }
  }

  /**
   * {@code y[i] += Σ x[row][i + t]·w[row][t]} for five taps of each row.
   *
   * @param rows where the first values of x lie, for each row, then the first taps
   * @param pixel values from one column of x to the next
   * @param pitch values from one tap to the next
   * @param to the output four before the first; what comes out before the first means nothing
   * @param step values from one output to the next
   */
  static void five(
      float[] x,
      int[] rows,
      int pixel,
      float[] w,
      int pitch,
      float[] y,
      int to,
      int step,
      int count) {
    check(x, rows, (count + 3) * pixel, w, 4 * pitch);
    Bounds.check(y, to, (count + 3) * step + LANES);
    FloatVector w00 = load(w, rows[3]);
    FloatVector w01 = load(w, rows[3] + pitch);
    FloatVector w02 = load(w, rows[3] + 2 * pitch);
    FloatVector w03 = load(w, rows[3] + 3 * pitch);
    FloatVector w04 = load(w, rows[3] + 4 * pitch);
    FloatVector w10 = load(w, rows[4]);
    FloatVector w11 = load(w, rows[4] + pitch);
    FloatVector w12 = load(w, rows[4] + 2 * pitch);
    FloatVector w13 = load(w, rows[4] + 3 * pitch);
    FloatVector w14 = load(w, rows[4] + 4 * pitch);
    FloatVector w20 = load(w, rows[5]);
    FloatVector w21 = load(w, rows[5] + pitch);
    FloatVector w22 = load(w, rows[5] + 2 * pitch);
    FloatVector w23 = load(w, rows[5] + 3 * pitch);
    FloatVector w24 = load(w, rows[5] + 4 * pitch);
    FloatVector s1 = FloatVector.zero(SPECIES);
    FloatVector s2 = FloatVector.zero(SPECIES);
    FloatVector s3 = FloatVector.zero(SPECIES);
    FloatVector s4 = FloatVector.zero(SPECIES);
    int a = rows[0];
    int b = rows[1];
    int c = rows[2];
    int end = to + (count + 4) * step;
    for (int o = to; o < end; o += step, a += pixel, b += pixel, c += pixel) {
      FloatVector x0 = load(x, a);
      FloatVector x1 = load(x, b);
      FloatVector x2 = load(x, c);
      FloatVector sum = x0.fma(w04, x1.fma(w14, x2.fma(w24, s1)));
      sum.add(load(y, o)).intoArray(y, o);
      s1 = x0.fma(w03, x1.fma(w13, x2.fma(w23, s2)));
      s2 = x0.fma(w02, x1.fma(w12, x2.fma(w22, s3)));
      s3 = x0.fma(w01, x1.fma(w11, x2.fma(w21, s4)));
      s4 = x0.fma(w00, x1.fma(w10, x2.mul(w20)));
    }
  }

  /**
   * The same for three taps with any stride: from one output to the next it is {@code stride}
   * values.
   */
  static void threeApart(
      float[] x,
      int[] rows,
      int pixel,
      int stride,
      float[] w,
      int pitch,
      float[] y,
      int to,
      int step,
      int count) {
    check(x, rows, (count - 1) * stride + 2 * pixel, w, 2 * pitch);
    Bounds.check(y, to, (count - 1) * step + LANES);
    FloatVector w00 = load(w, rows[3]);
    FloatVector w01 = load(w, rows[3] + pitch);
    FloatVector w02 = load(w, rows[3] + 2 * pitch);
    FloatVector w10 = load(w, rows[4]);
    FloatVector w11 = load(w, rows[4] + pitch);
    FloatVector w12 = load(w, rows[4] + 2 * pitch);
    FloatVector w20 = load(w, rows[5]);
    FloatVector w21 = load(w, rows[5] + pitch);
    FloatVector w22 = load(w, rows[5] + 2 * pitch);
    int a = rows[0];
    int b = rows[1];
    int c = rows[2];
    int end = to + count * step;
    for (int o = to; o < end; o += step, a += stride, b += stride, c += stride) {
      FloatVector s0 = load(x, a).mul(w00);
      s0 = load(x, a + pixel).fma(w01, s0);
      s0 = load(x, a + 2 * pixel).fma(w02, s0);
      FloatVector s1 = load(x, b).mul(w10);
      s1 = load(x, b + pixel).fma(w11, s1);
      s1 = load(x, b + 2 * pixel).fma(w12, s1);
      FloatVector s2 = load(x, c).mul(w20);
      s2 = load(x, c + pixel).fma(w21, s2);
      s2 = load(x, c + 2 * pixel).fma(w22, s2);
      s0.add(s1).add(s2.add(load(y, o))).intoArray(y, o);
    }
  }

  /**
   * The same for five taps with any stride: from one output to the next it is {@code stride}
   * values.
   */
  static void fiveApart(
      float[] x,
      int[] rows,
      int pixel,
      int stride,
      float[] w,
      int pitch,
      float[] y,
      int to,
      int step,
      int count) {
    check(x, rows, (count - 1) * stride + 4 * pixel, w, 4 * pitch);
    Bounds.check(y, to, (count - 1) * step + LANES);
    FloatVector w00 = load(w, rows[3]);
    FloatVector w01 = load(w, rows[3] + pitch);
    FloatVector w02 = load(w, rows[3] + 2 * pitch);
    FloatVector w03 = load(w, rows[3] + 3 * pitch);
    FloatVector w04 = load(w, rows[3] + 4 * pitch);
    FloatVector w10 = load(w, rows[4]);
    FloatVector w11 = load(w, rows[4] + pitch);
    FloatVector w12 = load(w, rows[4] + 2 * pitch);
    FloatVector w13 = load(w, rows[4] + 3 * pitch);
    FloatVector w14 = load(w, rows[4] + 4 * pitch);
    FloatVector w20 = load(w, rows[5]);
    FloatVector w21 = load(w, rows[5] + pitch);
    FloatVector w22 = load(w, rows[5] + 2 * pitch);
    FloatVector w23 = load(w, rows[5] + 3 * pitch);
    FloatVector w24 = load(w, rows[5] + 4 * pitch);
    int a = rows[0];
    int b = rows[1];
    int c = rows[2];
    int end = to + count * step;
    for (int o = to; o < end; o += step, a += stride, b += stride, c += stride) {
      FloatVector s0 = load(x, a).mul(w00);
      s0 = load(x, a + pixel).fma(w01, s0);
      s0 = load(x, a + 2 * pixel).fma(w02, s0);
      s0 = load(x, a + 3 * pixel).fma(w03, s0);
      s0 = load(x, a + 4 * pixel).fma(w04, s0);
      FloatVector s1 = load(x, b).mul(w10);
      s1 = load(x, b + pixel).fma(w11, s1);
      s1 = load(x, b + 2 * pixel).fma(w12, s1);
      s1 = load(x, b + 3 * pixel).fma(w13, s1);
      s1 = load(x, b + 4 * pixel).fma(w14, s1);
      FloatVector s2 = load(x, c).mul(w20);
      s2 = load(x, c + pixel).fma(w21, s2);
      s2 = load(x, c + 2 * pixel).fma(w22, s2);
      s2 = load(x, c + 3 * pixel).fma(w23, s2);
      s2 = load(x, c + 4 * pixel).fma(w24, s2);
      s0.add(s1).add(s2.add(load(y, o))).intoArray(y, o);
    }
  }
}
