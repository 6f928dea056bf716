package org.jresnet.backend;

import org.jresnet.graph.Dropout;

/**
 * The random draws of an op: draw number {@code u} from a key is output {@code u} of a {@link
 * java.util.SplittableRandom} seeded with the key (Steele et al. 2014, "Fast splittable
 * pseudorandom number generators"), so that any thread of any device can compute any draw alone.
 *
 * @param dropped draws whose upper 32 bits are below this are dropped
 * @param scale the factor of what stays
 * @param unit elements that share a draw
 */
public record Draws(long dropped, double scale, long unit) {
  private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

  /** Exponent and sign of the numbers in [1, 2). */
  private static final long ONE = 0x3FF0000000000000L;

  /** The draws of an {@link org.jresnet.graph.Dropout}. */
  public static Draws of(OpSpec spec) {
    Dropout op = (Dropout) spec.op();
    return new Draws(
        Math.round(op.p() * 0x1p32),
        op.p() < 1 ? 1 / (1 - op.p()) : 0,
        op.unit() == Dropout.Unit.ELEMENT ? 1 : spec.y().elements() / spec.y().n());
  }

  /** The factor of element {@code i}: 0, or {@link #scale}. */
  public double factor(long key, long i) {
    return draw(key, i / unit) >>> 32 < dropped ? 0 : scale;
  }

  /** Draw number {@code u} from a key, from 0. */
  public static long draw(long key, long u) {
    return mix(key + (u + 1) * GOLDEN_GAMMA);
  }

  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  /**
   * The key of a node in a step: a number in [1, 2) of which only the bits count, so that it is
   * finite in memory of any type.
   */
  public static double key(long seed, long step, String node) {
    long random = mix(draw(seed, step) ^ draw(node.hashCode(), 0));
    return Double.longBitsToDouble(ONE | random >>> 12);
  }

  /** A key as the draws take it. */
  public static long bits(double key) {
    return Double.doubleToRawLongBits(key);
  }
}
