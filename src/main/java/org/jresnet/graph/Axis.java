package org.jresnet.graph;

/**
 * How a window moves along one axis of an image: at position {@code p} its tap {@code r} lies on
 * pixel {@code p·stride + r·dilation − padding}.
 *
 * @param size number of taps
 * @param stride pixels from one position to the next
 * @param padding pixels added before the first and after the last one
 * @param dilation pixels from one tap to the next; 1 leaves no gaps
 */
public record Axis(int size, int stride, int padding, int dilation) {
  /** Checks the ranges. */
  public Axis {
    if (size < 1 || stride < 1 || padding < 0 || dilation < 1) {
      throw new IllegalArgumentException(
          "a window needs a size, stride and dilation of at least 1 and no negative padding, found"
              + " size %d, stride %d, padding %d, dilation %d"
                  .formatted(size, stride, padding, dilation));
    }
  }

  /** Taps without gaps. */
  public Axis(int size, int stride, int padding) {
    this(size, stride, padding, 1);
  }

  /** The same window with gaps between its taps. */
  public Axis dilated(int by) {
    return new Axis(size, stride, padding, by);
  }

  /** The pixel under tap {@code r} at position {@code p}; outside of the image it is padding. */
  public int at(int p, int r) {
    return p * stride + r * dilation - padding;
  }

  /** Pixels from the first tap to the last, both included. */
  public int reach() {
    return Math.addExact(Math.multiplyExact(size - 1, dilation), 1);
  }

  /**
   * Number of positions on {@code extent} pixels.
   *
   * @throws IllegalArgumentException if the window does not fit
   */
  public int positions(int extent) {
    int room = extent + 2 * padding - reach();
    if (room < 0) {
      throw new IllegalArgumentException(
          "a window of " + reach() + " does not fit into " + extent + " padded by " + padding);
    }
    return room / stride + 1;
  }

  /** Number of pixels that {@code positions} windows reach, without the padding. */
  public int extent(int positions) {
    int all = Math.addExact(Math.multiplyExact(positions - 1, stride), reach());
    if (all <= 2 * padding) {
      throw new IllegalArgumentException(
          positions
              + " windows reach "
              + all
              + " pixels, and "
              + padding
              + " are taken off on both sides");
    }
    return all - 2 * padding;
  }
}
