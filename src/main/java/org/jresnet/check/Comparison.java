package org.jresnet.check;

import java.util.List;
import java.util.Locale;

/**
 * What two computations of one tensor have in common, told by the element that differs most.
 *
 * @param what the tensor
 * @param bound what was allowed
 * @param index of the worst element: n, h, w, c of activations, k, c, r, s of filters
 * @param expected its value on the side that is trusted
 * @param actual its value on the other side
 * @param error what the bound measures: of that element, or of the whole tensor
 * @param allowed how large it may be
 * @param largest the largest finite expected magnitude
 */
public record Comparison(
    String what,
    Bound bound,
    List<Integer> index,
    double expected,
    double actual,
    double error,
    double allowed,
    double largest) {
  /** Copies the index. */
  public Comparison {
    index = List.copyOf(index);
  }

  /** Whether the tensor is within its bound. */
  public boolean ok() {
    return error <= allowed;
  }

  /** The error as a share of what is allowed: above 1 is too far. */
  public double share() {
    return error == 0 ? 0 : error / allowed;
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%s: error %.3g, allowed %.3g (%s); worst element %s: expected %s, found %s; largest %.3g",
        what,
        error,
        allowed,
        bound,
        index,
        expected,
        actual,
        largest);
  }
}
