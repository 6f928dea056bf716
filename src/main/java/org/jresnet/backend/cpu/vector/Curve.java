package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.LANES;
import static org.jresnet.backend.cpu.vector.Products.SPECIES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** An activation function of whole vectors. Each has a loop of its own, for HotSpot's sake. */
public enum Curve {
  /** {@code x}. */
  IDENTITY {
    @Override
    void apply(float[] y, int at, int count) {}
  },
  /** {@code max(x, 0)}. */
  RELU {
    @Override
    void apply(float[] y, int at, int count) {
      Pointwise.rectify(y, at, count);
    }
  },
  /** {@code min(max(x, 0), 6)}. */
  RELU6 {
    @Override
    void apply(float[] y, int at, int count) {
      relu6(y, at, count);
    }
  },
  /** {@code x·relu6(x + 3) / 6}. */
  HARD_SWISH {
    @Override
    void apply(float[] y, int at, int count) {
      hardSwish(y, at, count);
    }
  },
  /** {@code x / (1 + e⁻ˣ)}. */
  SILU {
    @Override
    void apply(float[] y, int at, int count) {
      silu(y, at, count);
    }
  };

  /** Adding it leaves a number's nearest integer in the lowest bits: 1.5·2²³. */
  private static final float ROUND = 0x1.8p23f;

  private static final float LOG2_E = 1.44269504f;

  /** ln 2 in two parts, of which the first has few bits (Cody and Waite, 1980). */
  private static final float LN2_HIGH = 0.693359375f;

  private static final float LN2_LOW = -2.12194440e-4f;

  /** The bits of 87. */
  private static final int LARGEST = 0x42AE0000;

  /** Replaces so many values, up to whole vectors. */
  abstract void apply(float[] y, int at, int count);

  private static void relu6(float[] y, int at, int count) {
    Bounds.checkWhole(y, at, count);
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector six = FloatVector.broadcast(SPECIES, 6);
    for (int i = 0; i < count; i += LANES) {
      FloatVector.fromArray(SPECIES, y, at + i).max(zero).min(six).intoArray(y, at + i);
    }
  }

  private static void hardSwish(float[] y, int at, int count) {
    Bounds.checkWhole(y, at, count);
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector one = FloatVector.broadcast(SPECIES, 1);
    for (int i = 0; i < count; i += LANES) {
      FloatVector x = FloatVector.fromArray(SPECIES, y, at + i);
      x.mul(x.mul(1 / 6f).add(0.5f).max(zero).min(one)).intoArray(y, at + i);
    }
  }

  private static void silu(float[] y, int at, int count) {
    Bounds.checkWhole(y, at, count);
    for (int i = 0; i < count; i += LANES) {
      FloatVector x = FloatVector.fromArray(SPECIES, y, at + i);
      x.div(expOfNegative(x).add(1)).intoArray(y, at + i);
    }
  }

  /**
   * {@code e^−x} to within 2 units in the last place: {@code 2ⁿ·e^r} with {@code |r| ≤ ln 2 / 2},
   * and e^r by Taylor's series to r⁷. Arguments are cut to ±87, where the result is a normal
   * number. Magnitudes are compared as integers: a minimum of floats is one instruction only where
   * NaN does not matter. NaN becomes ±87.
   */
  static FloatVector expOfNegative(FloatVector argument) {
    IntVector bits = argument.reinterpretAsInts();
    IntVector magnitude = bits.and(Integer.MAX_VALUE).min(LARGEST);
    FloatVector x = magnitude.or(bits.not().and(Integer.MIN_VALUE)).reinterpretAsFloats();
    FloatVector shifted = x.fma(LOG2_E, ROUND);
    IntVector power = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
    FloatVector n = shifted.sub(ROUND);
    FloatVector r = n.fma(each(-LN2_HIGH), x);
    r = n.fma(each(-LN2_LOW), r);
    FloatVector sum = r.fma(1 / 5040f, 1 / 720f);
    sum = sum.fma(r, each(1 / 120f));
    sum = sum.fma(r, each(1 / 24f));
    sum = sum.fma(r, each(1 / 6f));
    sum = sum.fma(r, each(0.5f));
    sum = sum.fma(r, each(1));
    sum = sum.fma(r, each(1));
    return sum.reinterpretAsInts().add(power).reinterpretAsFloats();
  }

  private static FloatVector each(float value) {
    return FloatVector.broadcast(SPECIES, value);
  }
}
