package org.jresnet.backend.cpu.vector;

/**
 * Arrays that kernels overwrite in turn. They grow while kernels are made; a kernel asks for them
 * each time it runs, which allocates nothing.
 */
public final class Scratch {
  private static final short[] NOTHING = new short[0];

  /** What one worker has to itself, and what all share. */
  enum Use {
    /** Rows of the image. */
    INPUT,
    /** One channel block on its way through a transform. */
    BETWEEN,
    /** Transformed tiles. */
    TILES,
    /** Transformed tiles of the output's gradient. */
    GRADIENTS,
    /** Products of transformed tiles and filters. */
    PRODUCTS,
    /** Sums over tiles. */
    SUMS,
    /** Rows of the result. */
    OUTPUT,
    /** Filters as they lie in memory. */
    FILTERS
  }

  /** What all workers share. */
  enum Shared {
    /** Transformed filters. */
    FILTERS,
    /** Transformed tiles of the image. */
    TILES,
    /** Transformed tiles of the output's gradient. */
    GRADIENTS,
    /** Sums over tiles. */
    SUMS
  }

  private final float[][][] own;
  private final float[][] shared = new float[Shared.values().length][0];
  private final short[][] bits;

  /** Scratch for so many workers. */
  public Scratch(int workers) {
    own = new float[workers][Use.values().length][0];
    bits = new short[workers][];
    java.util.Arrays.fill(bits, NOTHING);
  }

  /** Number of workers. */
  int workers() {
    return own.length;
  }

  void reserve(Use use, int size) {
    for (float[][] worker : own) {
      if (worker[use.ordinal()].length < size) {
        worker[use.ordinal()] = new float[size];
      }
    }
  }

  /** Makes room for the filters of a kernel whose filters change in every step. */
  public void reserveFilters(int size) {
    reserve(Shared.FILTERS, size);
  }

  /** Room for filters. */
  public float[] filters() {
    return get(Shared.FILTERS);
  }

  void reserve(Shared use, int size) {
    if (shared[use.ordinal()].length < size) {
      shared[use.ordinal()] = new float[size];
    }
  }

  void reserveBits(int size) {
    for (int i = 0; i < bits.length; i++) {
      if (bits[i].length < size) {
        bits[i] = new short[size];
      }
    }
  }

  float[] get(int worker, Use use) {
    return own[worker][use.ordinal()];
  }

  float[] get(Shared use) {
    return shared[use.ordinal()];
  }

  short[] bits(int worker) {
    return bits[worker];
  }
}
