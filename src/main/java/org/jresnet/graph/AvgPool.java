package org.jresnet.graph;

import java.util.List;

/**
 * Mean over a square window ({@code torch.nn.AvgPool2d}).
 *
 * @param kernel the window's extent
 * @param stride pixels from one window to the next
 * @param padding zeros around the image, at most half the kernel
 * @param divisor what the sum is divided by
 */
public record AvgPool(int kernel, int stride, int padding, Divisor divisor) implements Op {
  /** What the sum over a window is divided by. */
  public enum Divisor {
    /** The window's size: zeros of the padding count ({@code count_include_pad=True}). */
    WINDOW,
    /** The number of pixels that lie in the image ({@code count_include_pad=False}). */
    PIXELS
  }

  /** Checks the window. */
  public AvgPool {
    if (kernel < 1 || stride < 1 || padding < 0 || padding > kernel / 2) {
      throw new IllegalArgumentException(
          "a pool needs a kernel and stride of at least 1 and padding of at most half the kernel,"
              + " found kernel %d, stride %d, padding %d".formatted(kernel, stride, padding));
    }
  }

  /** The whole window divides, as in torch by default. */
  public AvgPool(int kernel, int stride, int padding) {
    this(kernel, stride, padding, Divisor.WINDOW);
  }

  @Override
  public String kind() {
    return "windowavg";
  }

  @Override
  public Shape output(List<Shape> inputs) {
    return new Op.MaxPool(kernel, stride, padding).output(inputs);
  }
}
