package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.LANES;
import static org.jresnet.backend.cpu.vector.Products.PANEL;
import static org.jresnet.backend.cpu.vector.Winograd.OUT;
import static org.jresnet.backend.cpu.vector.Winograd.TAPS;

/**
 * A 3x3 convolution with stride 1 in tiles of 4x4 outputs. A row of tiles is called a band.
 *
 * @param n images
 * @param h rows of the input
 * @param w columns of the input
 * @param c channels of the input, a multiple of a vector's values
 * @param k channels of the output, a multiple of a vector's values
 * @param padding zeros on each side, 0 to 2
 */
public record WinogradShape(int n, int h, int w, int c, int k, int padding) {
  /** Checks what the kernels rely on. */
  public WinogradShape {
    if (!suits(c, k)
        || padding < 0
        || padding >= TAPS
        || h + 2 * padding < TAPS
        || w + 2 * padding < TAPS) {
      throw new IllegalArgumentException(
          "no convolution in whole vectors of "
              + LANES
              + ": "
              + n
              + "x"
              + h
              + "x"
              + w
              + "x"
              + c
              + " to "
              + k);
    }
  }

  /** Whether the channels fill whole vectors of this machine. */
  public static boolean suits(int c, int k) {
    return c % LANES == 0 && k % LANES == 0;
  }

  /** The convolution that computes the gradient of the input from that of the output. */
  public WinogradShape backward() {
    return new WinogradShape(n, rows(), columns(), k, c, TAPS - 1 - padding);
  }

  /** Rows of the output. */
  int rows() {
    return h + 2 * padding - TAPS + 1;
  }

  /** Columns of the output. */
  int columns() {
    return w + 2 * padding - TAPS + 1;
  }

  int bandsOfImage() {
    return (rows() + OUT - 1) / OUT;
  }

  int bands() {
    return n * bandsOfImage();
  }

  /** Tiles of a band. */
  int tiles() {
    return (columns() + OUT - 1) / OUT;
  }

  /** Columns of the input that a band's tiles read, with padding. */
  int width() {
    return OUT * tiles() + TAPS - 1;
  }

  /** Panels that hold the output's channels; the last may be half empty. */
  int panels() {
    return (k + PANEL - 1) / PANEL;
  }

  int image(int band) {
    return band / bandsOfImage();
  }

  /** First row of the output that a band computes. */
  int row(int band) {
    return band % bandsOfImage() * OUT;
  }
}
