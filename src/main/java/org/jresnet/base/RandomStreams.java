package org.jresnet.base;

import java.util.SplittableRandom;

/**
 * Named streams of random numbers from one seed. A stream depends on nothing but its seed, name and
 * numbers, so neither threads nor a resumed run change what is drawn.
 */
public final class RandomStreams {
  private RandomStreams() {}

  /** A fresh stream, for example ("augment", epoch, sample). */
  public static SplittableRandom of(long seed, String name, long... numbers) {
    long state = mix(seed ^ name.hashCode() * 0x9E3779B97F4A7C15L);
    for (long number : numbers) {
      state = mix(state ^ (number + 0x9E3779B97F4A7C15L));
    }
    return new SplittableRandom(state);
  }

  /** Stafford's mix 13, the finaliser of SplitMix64. */
  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  /**
   * A standard normal number, by Box and Muller, in arithmetic that is the same on every processor.
   */
  public static double gaussian(SplittableRandom random) {
    return Math.sqrt(-2 * StrictMath.log(1 - random.nextDouble()))
        * StrictMath.cos(2 * Math.PI * random.nextDouble());
  }

  /** A seeded permutation of 0 … n−1 (Fisher-Yates). */
  public static int[] permutation(int n, SplittableRandom random) {
    int[] order = new int[n];
    for (int i = 0; i < n; i++) {
      int j = random.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }
}
