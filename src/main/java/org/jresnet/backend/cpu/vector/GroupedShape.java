package org.jresnet.backend.cpu.vector;

/**
 * A convolution in groups, without dilation.
 *
 * @param n images
 * @param h rows of the input
 * @param w columns of the input
 * @param c channels of the input
 * @param k channels of the output
 * @param groups divides c and k; as many as channels in a depthwise convolution
 * @param rows the window along the rows
 * @param columns the window along the columns
 */
public record GroupedShape(
    int n, int h, int w, int c, int k, int groups, Window rows, Window columns) {
  /** Checks what the kernels rely on. */
  public GroupedShape {
    if (!suits(c, k, groups) || rows.dilation() != 1 || columns.dilation() != 1) {
      throw new IllegalArgumentException(
          "neither depthwise nor in groups of "
              + GroupProducts.DEPTH
              + " or whole vectors of channels, or dilated: "
              + c
              + " to "
              + k
              + " channels in "
              + groups
              + " groups, "
              + rows
              + ", "
              + columns);
    }
  }

  /** Whether there is a kernel for such groups on this machine. */
  public static boolean suits(int c, int k, int groups) {
    return groups == c && c == k || groups > 1 && GroupProducts.suits(c / groups, k / groups);
  }

  boolean depthwise() {
    return groups == c && c == k;
  }

  /** Channels of the input that a filter sees. */
  int groupInputs() {
    return c / groups;
  }

  /** Filters of a group. */
  int groupOutputs() {
    return k / groups;
  }

  /** Taps of a filter in one channel. */
  int taps() {
    return rows.size() * columns.size();
  }

  /** Values of all filters. */
  int filters() {
    return k * groupInputs() * taps();
  }
}
