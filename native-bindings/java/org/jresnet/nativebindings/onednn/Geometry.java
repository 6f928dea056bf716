package org.jresnet.nativebindings.onednn;

/** How a window moves over an image, along its rows and along its columns. */
public record Geometry(Step rows, Step columns) {
  /** Stride, symmetric padding, and pixels from one tap to the next (1 leaves no gaps). */
  public record Step(int stride, int padding, int dilation) {}

  /** The same in both directions, without gaps. */
  public Geometry(int stride, int padding) {
    this(new Step(stride, padding, 1), new Step(stride, padding, 1));
  }

  long[] strides() {
    return new long[] {rows.stride, columns.stride};
  }

  long[] paddings() {
    return new long[] {rows.padding, columns.padding};
  }

  /** oneDNN counts the pixels between two taps. */
  long[] dilations() {
    return new long[] {rows.dilation - 1, columns.dilation - 1};
  }
}
