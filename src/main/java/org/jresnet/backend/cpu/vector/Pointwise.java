package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.LANES;
import static org.jresnet.backend.cpu.vector.Products.SPECIES;

import jdk.incubator.vector.FloatVector;

/** Value by value, over whole vectors. */
final class Pointwise {
  private Pointwise() {}

  /** Copies so many vectors, {@code step} values apart, to places {@code stride} apart. */
  static void copy(float[] x, int at, int step, float[] y, int to, int stride, int count) {
    Bounds.check(x, at, 0, 1, step, count);
    Bounds.check(y, to, 0, 1, stride, count);
    for (int i = 0; i < count; i++, at += step, to += stride) {
      FloatVector.fromArray(SPECIES, x, at).intoArray(y, to);
    }
  }

  /** {@code y += x}. */
  static void add(float[] y, int at, float[] x, int from, int count) {
    Bounds.checkWhole(y, at, count);
    Bounds.checkWhole(x, from, count);
    for (int i = 0; i < count; i += LANES) {
      FloatVector.fromArray(SPECIES, y, at + i)
          .add(FloatVector.fromArray(SPECIES, x, from + i))
          .intoArray(y, at + i);
    }
  }

  /** {@code y[p·k + c] += x[c]} for so many pixels p. */
  static void addToEach(float[] y, int at, float[] x, int k, int pixels) {
    for (int p = 0; p < pixels; p++) {
      add(y, at + p * k, x, 0, k);
    }
  }

  /** {@code y = max(y, 0)}. */
  static void rectify(float[] y, int at, int count) {
    Bounds.checkWhole(y, at, count);
    FloatVector zero = FloatVector.zero(SPECIES);
    for (int i = 0; i < count; i += LANES) {
      FloatVector.fromArray(SPECIES, y, at + i).max(zero).intoArray(y, at + i);
    }
  }
}
