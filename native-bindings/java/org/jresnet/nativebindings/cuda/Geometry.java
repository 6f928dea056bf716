package org.jresnet.nativebindings.cuda;

/** How a window moves over an image, along its rows and along its columns. */
public record Geometry(Step rows, Step columns) {
  /** Taps, stride, symmetric padding, and pixels from one tap to the next (1 leaves no gaps). */
  public record Step(int window, int stride, int padding, int dilation) {}

  /** The same in both directions, without gaps. */
  public Geometry(int window, int stride, int padding) {
    this(new Step(window, stride, padding, 1), new Step(window, stride, padding, 1));
  }

  long[] windows() {
    return new long[] {rows.window, columns.window};
  }

  long[] strides() {
    return new long[] {rows.stride, columns.stride};
  }

  long[] paddings() {
    return new long[] {rows.padding, columns.padding};
  }

  long[] dilations() {
    return new long[] {rows.dilation, columns.dilation};
  }
}
