package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.load;

import jdk.incubator.vector.FloatVector;

/**
 * The transforms of Winograd's F(4x4, 3x3), on vectors of channels or filters: 4x4 outputs of a 3x3
 * convolution from 36 products instead of 144. Each is one-dimensional; applied to columns and then
 * to rows it makes the two-dimensional one.
 *
 * <p>{@code y = Aᵀ·[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]·A} (<a href="https://arxiv.org/abs/1509.09308">Lavin and
 * Gray, 2015</a>) with the points 0, 1, −1, 1/2, −2 and infinity. Lavin and Gray take 2 instead of
 * 1/2; these points have errors of 0.65 times the size (<a
 * href="https://arxiv.org/abs/1803.10986">Barabasz et al., 2020</a>) at the same cost. The gradient
 * of the filters is the adjoint: {@code dg = Gᵀ·[(Bᵀ·d·B) ⊙ (A·dy·Aᵀ)]·G}.
 *
 * <p>Multiplications and additions are not fused: with {@code fma} the transforms grow beyond what
 * HotSpot inlines in one method, and vectors are then made as objects, at half the speed.
 */
final class Winograd {
  /** Outputs of a tile along one side. */
  static final int OUT = 4;

  /** Inputs of a tile along one side: two tiles overlap by two. */
  static final int IN = 6;

  /** Products of a tile. */
  static final int POINTS = IN * IN;

  /** Taps of a filter along one side. */
  static final int TAPS = 3;

  private Winograd() {}

  // All transforms have the same form: count times, values that lie step apart become values stride
  // apart, and both places move on by advance and next. Each is a loop of its own, which the JVM
  // compiles as one method: as a part of larger ones it is inlined incompletely.

  /** {@code Bᵀ·d}: six values to six values. */
  static void inputs(
      float[] d,
      int at,
      int step,
      int advance,
      float[] y,
      int to,
      int stride,
      int next,
      int count) {
    Bounds.check(d, at, step, 6, advance, count);
    Bounds.check(y, to, stride, 6, next, count);
    for (int n = 0; n < count; n++, at += advance, to += next) {
      FloatVector d0 = load(d, at);
      FloatVector d1 = load(d, at + step);
      FloatVector d2 = load(d, at + 2 * step);
      FloatVector d3 = load(d, at + 3 * step);
      FloatVector d4 = load(d, at + 4 * step);
      FloatVector d5 = load(d, at + 5 * step);
      FloatVector even = d4.sub(d2);
      FloatVector odd = d3.sub(d1);
      d0.sub(d2).add(even).add(odd.mul(1.5f)).intoArray(y, to);
      even.add(odd).add(d3.add(d2).mul(1.5f)).intoArray(y, to + stride);
      even.sub(odd).add(d3.sub(d2).mul(1.5f)).intoArray(y, to + 2 * stride);
      even.add(odd.mul(2)).intoArray(y, to + 3 * stride);
      even.sub(odd.mul(0.5f)).intoArray(y, to + 4 * stride);
      d5.sub(d3).sub(odd).add(even.mul(1.5f)).intoArray(y, to + 5 * stride);
    }
  }

  /** {@code Aᵀ·m}: six values to four. */
  static void outputs(
      float[] m,
      int at,
      int step,
      int advance,
      float[] y,
      int to,
      int stride,
      int next,
      int count) {
    Bounds.check(m, at, step, 6, advance, count);
    Bounds.check(y, to, stride, 4, next, count);
    for (int n = 0; n < count; n++, at += advance, to += next) {
      FloatVector m1 = load(m, at + step);
      FloatVector m2 = load(m, at + 2 * step);
      FloatVector m3 = load(m, at + 3 * step);
      FloatVector m4 = load(m, at + 4 * step);
      FloatVector sum = m1.add(m2);
      FloatVector difference = m1.sub(m2);
      load(m, at).add(sum).add(m3.add(m4)).intoArray(y, to);
      difference.add(m3.mul(0.5f)).sub(m4.mul(2)).intoArray(y, to + stride);
      sum.add(m3.mul(0.25f)).add(m4.mul(4)).intoArray(y, to + 2 * stride);
      difference
          .add(m3.mul(0.125f))
          .sub(m4.mul(8))
          .add(load(m, at + 5 * step))
          .intoArray(y, to + 3 * stride);
    }
  }

  /** {@code A·dy}: four values to six. */
  static void gradients(
      float[] dy,
      int at,
      int step,
      int advance,
      float[] y,
      int to,
      int stride,
      int next,
      int count) {
    Bounds.check(dy, at, step, 4, advance, count);
    Bounds.check(y, to, stride, 6, next, count);
    for (int n = 0; n < count; n++, at += advance, to += next) {
      FloatVector y0 = load(dy, at);
      FloatVector y1 = load(dy, at + step);
      FloatVector y2 = load(dy, at + 2 * step);
      FloatVector y3 = load(dy, at + 3 * step);
      FloatVector even = y0.add(y2);
      FloatVector odd = y1.add(y3);
      y0.intoArray(y, to);
      even.add(odd).intoArray(y, to + stride);
      even.sub(odd).intoArray(y, to + 2 * stride);
      y0.add(y1.mul(0.5f)).add(y2.add(y3.mul(0.5f)).mul(0.25f)).intoArray(y, to + 3 * stride);
      y0.sub(y1.mul(2)).add(y2.sub(y3.mul(2)).mul(4)).intoArray(y, to + 4 * stride);
      y3.intoArray(y, to + 5 * stride);
    }
  }

  /** {@code G·g}: three taps to six values. */
  static void filters(
      float[] g,
      int at,
      int step,
      int advance,
      float[] y,
      int to,
      int stride,
      int next,
      int count) {
    Bounds.check(g, at, step, 3, advance, count);
    Bounds.check(y, to, stride, 6, next, count);
    for (int n = 0; n < count; n++, at += advance, to += next) {
      FloatVector g0 = load(g, at);
      FloatVector g1 = load(g, at + step);
      FloatVector g2 = load(g, at + 2 * step);
      FloatVector ends = g0.add(g2);
      g0.intoArray(y, to);
      g1.add(ends).mul(1 / 3f).intoArray(y, to + stride);
      g1.sub(ends).mul(1 / 3f).intoArray(y, to + 2 * stride);
      g0.mul(4).add(g1.mul(2)).add(g2).mul(-4 / 15f).intoArray(y, to + 3 * stride);
      g0.sub(g1.mul(2)).add(g2.mul(4)).mul(1 / 15f).intoArray(y, to + 4 * stride);
      g2.intoArray(y, to + 5 * stride);
    }
  }

  /** {@code Gᵀ·u}: six values to three taps. */
  static void filterGradients(
      float[] u,
      int at,
      int step,
      int advance,
      float[] y,
      int to,
      int stride,
      int next,
      int count) {
    Bounds.check(u, at, step, 6, advance, count);
    Bounds.check(y, to, stride, 3, next, count);
    for (int n = 0; n < count; n++, at += advance, to += next) {
      FloatVector u1 = load(u, at + step);
      FloatVector u2 = load(u, at + 2 * step);
      FloatVector u3 = load(u, at + 3 * step).mul(4 / 15f);
      FloatVector u4 = load(u, at + 4 * step).mul(1 / 15f);
      FloatVector difference = u1.sub(u2).mul(1 / 3f);
      load(u, at).add(difference).sub(u3.mul(4)).add(u4).intoArray(y, to);
      u1.add(u2).mul(1 / 3f).sub(u3.add(u4).mul(2)).intoArray(y, to + stride);
      load(u, at + 5 * step).add(difference).sub(u3).add(u4.mul(4)).intoArray(y, to + 2 * stride);
    }
  }
}
