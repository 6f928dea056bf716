package org.jresnet.graph;

/**
 * Shape of an activation in NHWC order: {@code n} images, {@code h} rows, {@code w} columns, {@code
 * c} channels. Feature vectors have {@code h = w = 1}.
 */
public record Shape(int n, int h, int w, int c) {
  /** Checks that every extent is at least 1. */
  public Shape {
    if (n < 1 || h < 1 || w < 1 || c < 1) {
      throw new IllegalArgumentException(
          "every extent of a shape is at least 1, found " + n + "x" + h + "x" + w + "x" + c);
    }
  }

  /**
   * {@code n·h·w·c}.
   *
   * @throws ArithmeticException if that exceeds a long
   */
  public long elements() {
    return Math.multiplyExact(Math.multiplyExact((long) n * h, w), c);
  }

  /** {@code n·h·w}: the values that a batch norm averages per channel. */
  public long perChannel() {
    return (long) n * h * w;
  }

  /**
   * Checks the channels.
   *
   * @throws IllegalArgumentException if there are others than expected
   */
  public void requireChannels(int expected) {
    if (c != expected) {
      throw new IllegalArgumentException("expected " + expected + " channels, found " + this);
    }
  }

  /** The same image shape for another batch size. */
  public Shape withBatch(int batch) {
    return new Shape(batch, h, w, c);
  }

  /** Where the element of those indices lies in memory, counted in elements. */
  public int at(int atN, int atH, int atW, int atC) {
    return Math.toIntExact((((long) atN * h + atH) * w + atW) * c + atC);
  }

  /** The body of a loop over all elements. */
  public interface Body {
    /** Called with the indices of one element. */
    void at(int n, int h, int w, int c);
  }

  /** Calls the body for every element, in the order of memory. */
  public void forEach(Body body) {
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < h; j++) {
        for (int k = 0; k < w; k++) {
          for (int l = 0; l < c; l++) {
            body.at(i, j, k, l);
          }
        }
      }
    }
  }

  @Override
  public String toString() {
    return n + "x" + h + "x" + w + "x" + c;
  }
}
