package org.jresnet.nativebindings.onednn;

/** Stride and symmetric padding of a window, the same in both directions. */
public record Geometry(int stride, int padding) {
  static final long[] NO_DILATION = {0, 0};

  long[] strides() {
    return new long[] {stride, stride};
  }

  long[] paddings() {
    return new long[] {padding, padding};
  }
}
