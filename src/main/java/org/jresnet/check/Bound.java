package org.jresnet.check;

import java.util.Arrays;
import java.util.List;

/** How far a tensor may be from what was expected. */
public sealed interface Bound {
  /** The same numbers; −0 equals 0. */
  record Exact() implements Bound {}

  /** Every element's error, relative to the largest finite expected element. */
  record Largest(double relative) implements Bound {}

  /** Every element's error, for results whose terms cancel: relative to the largest term. */
  record Absolute(double error) implements Bound {}

  /** Length of the error vector relative to that of the expected one. */
  record Norm(double relative) implements Bound {}

  /** Equal bits, NaN included: nobody wrote there. */
  record Untouched() implements Bound {}

  /**
   * Compares two tensors.
   *
   * @param what named in messages
   * @throws IllegalArgumentException when they have different numbers of elements
   */
  default Comparison compare(String what, int[] extents, double[] actual, double[] expected) {
    if (actual.length != expected.length) {
      throw new IllegalArgumentException(
          what + ": expected " + expected.length + " elements, found " + actual.length);
    }
    // Finite ones alone: an infinite one would allow everything.
    double largest =
        Arrays.stream(expected).map(Math::abs).filter(Double::isFinite).max().orElse(0);
    double worst = 0;
    int at = 0;
    double errors = 0;
    double squares = 0;
    for (int i = 0; i < expected.length; i++) {
      double error = error(actual[i], expected[i]);
      errors += error * error;
      squares += Double.isFinite(expected[i]) ? expected[i] * expected[i] : 0;
      if (error > worst) {
        worst = error;
        at = i;
      }
    }
    double found = worst;
    double allowed = 0;
    if (this instanceof Largest bound) {
      allowed = bound.relative() * largest;
    } else if (this instanceof Absolute bound) {
      allowed = bound.error();
    } else if (this instanceof Norm bound) {
      found = Math.sqrt(errors);
      allowed = bound.relative() * Math.sqrt(squares);
    }
    return new Comparison(
        what, this, index(at, extents), expected[at], actual[at], found, allowed, largest);
  }

  private double error(double actual, double expected) {
    if (this instanceof Untouched) {
      return Double.doubleToRawLongBits(actual) == Double.doubleToRawLongBits(expected)
          ? 0
          : Double.POSITIVE_INFINITY;
    }
    if (actual == expected || Double.isNaN(actual) && Double.isNaN(expected)) {
      return 0;
    }
    double error = Math.abs(actual - expected);
    return Double.isNaN(error) ? Double.POSITIVE_INFINITY : error;
  }

  /** {@code [1, 0, 6, 3]} of a flat index. */
  private static List<Integer> index(int flat, int[] extents) {
    Integer[] index = new Integer[extents.length];
    for (int d = extents.length - 1; d >= 0; d--) {
      index[d] = flat % extents[d];
      flat /= extents[d];
    }
    return List.of(index);
  }
}
