package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Depthwise.check;
import static org.jresnet.backend.cpu.vector.Products.LANES;
import static org.jresnet.backend.cpu.vector.Products.SPECIES;
import static org.jresnet.backend.cpu.vector.Products.load;

import jdk.incubator.vector.FloatVector;

/**
 * Gradients of one vector of channels of three rows of the window, summed along a whole row of the
 * output. The sums stay in registers. With stride 1 a vector of the input and of the gradient is
 * read once: the gradients of the last columns stay in registers, too.
 */
final class DepthwiseGradients {
  private DepthwiseGradients() {}

  /**
   * {@code w[row] += Σ x[row][i·stride]·dy[i]} for one tap of each row.
   *
   * @param rows where the first values of x lie, for each row, then the taps
   * @param pixel values from one column of dy to the next
   * @param stride values from one column of x to the next
   * @param from the first value of dy
   * @param pitch values from one tap to the next
   */
  static void one(
      float[] x,
      int[] rows,
      int pixel,
      int stride,
      float[] dy,
      int from,
      int count,
      float[] w,
      int pitch) {
    check(x, rows, (count - 1) * stride, w, 0);
    Bounds.check(dy, from, (count - 1) * pixel + LANES);
    FloatVector w00 = load(w, rows[3]);
    FloatVector w10 = load(w, rows[4]);
    FloatVector w20 = load(w, rows[5]);
    int a = rows[0];
    int b = rows[1];
    int c = rows[2];
    int end = from + count * pixel;
    for (int i = from; i < end; i += pixel, a += stride, b += stride, c += stride) {
      FloatVector d = load(dy, i);
      w00 = load(x, a).fma(d, w00);
      w10 = load(x, b).fma(d, w10);
      w20 = load(x, c).fma(d, w20);
    }
    w00.intoArray(w, rows[3]);
    w10.intoArray(w, rows[4]);
    w20.intoArray(w, rows[5]);
  }

  /**
   * {@code w[row][t] += Σ x[row][i + t]·dy[i]} for two taps of each row.
   *
   * @param rows where the first values of x lie, for each row, then the first taps
   * @param pixel values from one column of x and dy to the next
   * @param from the first value of dy; a zero must follow the last
   * @param pitch values from one tap to the next
   */
  static void two(
      float[] x, int[] rows, int pixel, float[] dy, int from, int count, float[] w, int pitch) {
    check(x, rows, count * pixel, w, pitch);
    Bounds.check(dy, from, count * pixel + LANES);
    FloatVector w00 = load(w, rows[3]);
    FloatVector w01 = load(w, rows[3] + pitch);
    FloatVector w10 = load(w, rows[4]);
    FloatVector w11 = load(w, rows[4] + pitch);
    FloatVector w20 = load(w, rows[5]);
    FloatVector w21 = load(w, rows[5] + pitch);
    FloatVector d1 = FloatVector.zero(SPECIES);
    int a = rows[0];
    int b = rows[1];
    int c = rows[2];
    int end = from + (count + 1) * pixel;
    for (int i = from; i < end; i += pixel, a += pixel, b += pixel, c += pixel) {
      FloatVector d0 = load(dy, i);
      FloatVector x0 = load(x, a);
      w00 = x0.fma(d0, w00);
      w01 = x0.fma(d1, w01);
      FloatVector x1 = load(x, b);
      w10 = x1.fma(d0, w10);
      w11 = x1.fma(d1, w11);
      FloatVector x2 = load(x, c);
      w20 = x2.fma(d0, w20);
      w21 = x2.fma(d1, w21);
      d1 = d0;
    }
    w00.intoArray(w, rows[3]);
    w01.intoArray(w, rows[3] + pitch);
    w10.intoArray(w, rows[4]);
    w11.intoArray(w, rows[4] + pitch);
    w20.intoArray(w, rows[5]);
    w21.intoArray(w, rows[5] + pitch);
  }

  /**
   * {@code w[row][t] += Σ x[row][i + t]·dy[i]} for three taps of each row.
   *
   * @param rows where the first values of x lie, for each row, then the first taps
   * @param pixel values from one column of x and dy to the next
   * @param from the first value of dy; two zeros must follow the last
   * @param pitch values from one tap to the next
   */
  static void three(
      float[] x, int[] rows, int pixel, float[] dy, int from, int count, float[] w, int pitch) {
    check(x, rows, (count + 1) * pixel, w, 2 * pitch);
    Bounds.check(dy, from, (count + 1) * pixel + LANES);
    FloatVector w00 = load(w, rows[3]);
    FloatVector w01 = load(w, rows[3] + pitch);
    FloatVector w02 = load(w, rows[3] + 2 * pitch);
    FloatVector w10 = load(w, rows[4]);
    FloatVector w11 = load(w, rows[4] + pitch);
    FloatVector w12 = load(w, rows[4] + 2 * pitch);
    FloatVector w20 = load(w, rows[5]);
    FloatVector w21 = load(w, rows[5] + pitch);
    FloatVector w22 = load(w, rows[5] + 2 * pitch);
    FloatVector d1 = FloatVector.zero(SPECIES);
    FloatVector d2 = FloatVector.zero(SPECIES);
    int a = rows[0];
    int b = rows[1];
    int c = rows[2];
    int end = from + (count + 2) * pixel;
    for (int i = from; i < end; i += pixel, a += pixel, b += pixel, c += pixel) {
      FloatVector d0 = load(dy, i);
      FloatVector x0 = load(x, a);
      w00 = x0.fma(d0, w00);
      w01 = x0.fma(d1, w01);
      w02 = x0.fma(d2, w02);
      FloatVector x1 = load(x, b);
      w10 = x1.fma(d0, w10);
      w11 = x1.fma(d1, w11);
      w12 = x1.fma(d2, w12);
      FloatVector x2 = load(x, c);
      w20 = x2.fma(d0, w20);
      w21 = x2.fma(d1, w21);
      w22 = x2.fma(d2, w22);
      d2 = d1;
      d1 = d0;
    }
    w00.intoArray(w, rows[3]);
    w01.intoArray(w, rows[3] + pitch);
    w02.intoArray(w, rows[3] + 2 * pitch);
    w10.intoArray(w, rows[4]);
    w11.intoArray(w, rows[4] + pitch);
    w12.intoArray(w, rows[4] + 2 * pitch);
    w20.intoArray(w, rows[5]);
    w21.intoArray(w, rows[5] + pitch);
    w22.intoArray(w, rows[5] + 2 * pitch);
  }

  /**
   * {@code w[row][t] += Σ x[row][i + t]·dy[i]} for five taps of each row.
   *
   * @param rows where the first values of x lie, for each row, then the first taps
   * @param pixel values from one column of x and dy to the next
   * @param from the first value of dy; four zeros must follow the last
   * @param pitch values from one tap to the next
   */
  static void five(
      float[] x, int[] rows, int pixel, float[] dy, int from, int count, float[] w, int pitch) {
    check(x, rows, (count + 3) * pixel, w, 4 * pitch);
    Bounds.check(dy, from, (count + 3) * pixel + LANES);
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
    FloatVector d1 = FloatVector.zero(SPECIES);
    FloatVector d2 = FloatVector.zero(SPECIES);
    FloatVector d3 = FloatVector.zero(SPECIES);
    FloatVector d4 = FloatVector.zero(SPECIES);
    int a = rows[0];
    int b = rows[1];
    int c = rows[2];
    int end = from + (count + 4) * pixel;
    for (int i = from; i < end; i += pixel, a += pixel, b += pixel, c += pixel) {
      FloatVector d0 = load(dy, i);
      FloatVector x0 = load(x, a);
      w00 = x0.fma(d0, w00);
      w01 = x0.fma(d1, w01);
      w02 = x0.fma(d2, w02);
      w03 = x0.fma(d3, w03);
      w04 = x0.fma(d4, w04);
      FloatVector x1 = load(x, b);
      w10 = x1.fma(d0, w10);
      w11 = x1.fma(d1, w11);
      w12 = x1.fma(d2, w12);
      w13 = x1.fma(d3, w13);
      w14 = x1.fma(d4, w14);
      FloatVector x2 = load(x, c);
      w20 = x2.fma(d0, w20);
      w21 = x2.fma(d1, w21);
      w22 = x2.fma(d2, w22);
      w23 = x2.fma(d3, w23);
      w24 = x2.fma(d4, w24);
      d4 = d3;
      d3 = d2;
      d2 = d1;
      d1 = d0;
    }
    w00.intoArray(w, rows[3]);
    w01.intoArray(w, rows[3] + pitch);
    w02.intoArray(w, rows[3] + 2 * pitch);
    w03.intoArray(w, rows[3] + 3 * pitch);
    w04.intoArray(w, rows[3] + 4 * pitch);
    w10.intoArray(w, rows[4]);
    w11.intoArray(w, rows[4] + pitch);
    w12.intoArray(w, rows[4] + 2 * pitch);
    w13.intoArray(w, rows[4] + 3 * pitch);
    w14.intoArray(w, rows[4] + 4 * pitch);
    w20.intoArray(w, rows[5]);
    w21.intoArray(w, rows[5] + pitch);
    w22.intoArray(w, rows[5] + 2 * pitch);
    w23.intoArray(w, rows[5] + 3 * pitch);
    w24.intoArray(w, rows[5] + 4 * pitch);
  }

  /** The same for three taps with any stride of x, from one column of dy to the next. */
  static void threeApart(
      float[] x,
      int[] rows,
      int pixel,
      int stride,
      float[] dy,
      int from,
      int count,
      float[] w,
      int pitch) {
    check(x, rows, (count - 1) * stride + 2 * pixel, w, 2 * pitch);
    Bounds.check(dy, from, (count - 1) * pixel + LANES);
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
    int end = from + count * pixel;
    for (int i = from; i < end; i += pixel, a += stride, b += stride, c += stride) {
      FloatVector d = load(dy, i);
      w00 = load(x, a).fma(d, w00);
      w01 = load(x, a + pixel).fma(d, w01);
      w02 = load(x, a + 2 * pixel).fma(d, w02);
      w10 = load(x, b).fma(d, w10);
      w11 = load(x, b + pixel).fma(d, w11);
      w12 = load(x, b + 2 * pixel).fma(d, w12);
      w20 = load(x, c).fma(d, w20);
      w21 = load(x, c + pixel).fma(d, w21);
      w22 = load(x, c + 2 * pixel).fma(d, w22);
    }
    w00.intoArray(w, rows[3]);
    w01.intoArray(w, rows[3] + pitch);
    w02.intoArray(w, rows[3] + 2 * pitch);
    w10.intoArray(w, rows[4]);
    w11.intoArray(w, rows[4] + pitch);
    w12.intoArray(w, rows[4] + 2 * pitch);
    w20.intoArray(w, rows[5]);
    w21.intoArray(w, rows[5] + pitch);
    w22.intoArray(w, rows[5] + 2 * pitch);
  }

  /** The same for five taps with any stride of x, from one column of dy to the next. */
  static void fiveApart(
      float[] x,
      int[] rows,
      int pixel,
      int stride,
      float[] dy,
      int from,
      int count,
      float[] w,
      int pitch) {
    check(x, rows, (count - 1) * stride + 4 * pixel, w, 4 * pitch);
    Bounds.check(dy, from, (count - 1) * pixel + LANES);
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
    int end = from + count * pixel;
    for (int i = from; i < end; i += pixel, a += stride, b += stride, c += stride) {
      FloatVector d = load(dy, i);
      w00 = load(x, a).fma(d, w00);
      w01 = load(x, a + pixel).fma(d, w01);
      w02 = load(x, a + 2 * pixel).fma(d, w02);
      w03 = load(x, a + 3 * pixel).fma(d, w03);
      w04 = load(x, a + 4 * pixel).fma(d, w04);
      w10 = load(x, b).fma(d, w10);
      w11 = load(x, b + pixel).fma(d, w11);
      w12 = load(x, b + 2 * pixel).fma(d, w12);
      w13 = load(x, b + 3 * pixel).fma(d, w13);
      w14 = load(x, b + 4 * pixel).fma(d, w14);
      w20 = load(x, c).fma(d, w20);
      w21 = load(x, c + pixel).fma(d, w21);
      w22 = load(x, c + 2 * pixel).fma(d, w22);
      w23 = load(x, c + 3 * pixel).fma(d, w23);
      w24 = load(x, c + 4 * pixel).fma(d, w24);
    }
    w00.intoArray(w, rows[3]);
    w01.intoArray(w, rows[3] + pitch);
    w02.intoArray(w, rows[3] + 2 * pitch);
    w03.intoArray(w, rows[3] + 3 * pitch);
    w04.intoArray(w, rows[3] + 4 * pitch);
    w10.intoArray(w, rows[4]);
    w11.intoArray(w, rows[4] + pitch);
    w12.intoArray(w, rows[4] + 2 * pitch);
    w13.intoArray(w, rows[4] + 3 * pitch);
    w14.intoArray(w, rows[4] + 4 * pitch);
    w20.intoArray(w, rows[5]);
    w21.intoArray(w, rows[5] + pitch);
    w22.intoArray(w, rows[5] + 2 * pitch);
    w23.intoArray(w, rows[5] + 3 * pitch);
    w24.intoArray(w, rows[5] + 4 * pitch);
  }
}
