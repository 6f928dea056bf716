package org.jresnet.backend.cpu.vector;

/** Computes a convolution, or its adjoint, with filters in a layout of its own. */
public interface PackedConv {
  /** Values of the filters in this kernel's layout. */
  int filterSize();

  /** Values of the bias that {@link #run} takes, with zeros behind those of the outputs. */
  int biasSize();

  /**
   * Brings a worker's share of the filters into this kernel's layout.
   *
   * @param weights torch's {@code [out][in of a group][rows][columns]}
   */
  void packFilters(int worker, Rows weights, float[] into);

  /** To be called before workers {@link #run}. */
  void start();

  /**
   * Computes a worker's share.
   *
   * @param filters from {@link #packFilters}
   * @param bias added to the sums, or null
   */
  void run(int worker, Rows x, float[] filters, float[] bias, Rows y);
}
