package org.jresnet.inspect.exercise;

import java.util.List;
import java.util.function.Supplier;

/**
 * One call of a learner's method.
 *
 * @param method its name
 * @param where it is called, for messages: the node of the network, or the input's shape
 * @param arguments arrays that are the learner's alone, and numbers
 * @param results what must come out
 * @param mistakes what comes out of mistakes that many make; asked only when something is wrong
 * @param tolerance how far a value may be off, relative to the largest of its tensor
 */
record Call(
    String method,
    String where,
    List<Object> arguments,
    List<Result> results,
    Supplier<List<Mistake>> mistakes,
    double tolerance) {
  /**
   * Where both sides compute in double precision: another order of a few thousand additions moves
   * the 13th digit.
   */
  private static final double DOUBLES = 1e-9;

  /** A call in double precision. */
  Call(
      String method,
      String where,
      List<Object> arguments,
      List<Result> results,
      Supplier<List<Mistake>> mistakes) {
    this(method, where, arguments, results, mistakes, DOUBLES);
  }

  /** What stands for "it is returned" in {@link Result#argument}. */
  private static final int RETURNED = -1;

  /**
   * A tensor that comes out.
   *
   * @param name its name in the formula
   * @param axes letters of its axes, one a character
   * @param extents along the axes
   * @param expected values, the last axis running fastest
   * @param argument number of the argument that is changed in place
   */
  record Result(String name, String axes, int[] extents, double[] expected, int argument) {
    /** A tensor that the method returns. */
    static Result returned(String name, String axes, double[] expected, int... extents) {
      return new Result(name, axes, extents, expected, RETURNED);
    }

    /** An array that the method changes. */
    static Result changed(int argument, String name, double[] expected) {
      return new Result(name, "i", new int[] {expected.length}, expected, argument);
    }

    boolean isReturned() {
      return argument == RETURNED;
    }
  }

  /**
   * A mistake that shows in the numbers.
   *
   * @param result name of the tensor that it spoils
   * @param values that it gives
   * @param hint what to look at
   */
  record Mistake(String result, double[] values, String hint) {}
}
