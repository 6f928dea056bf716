package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.LANES;
import static org.jresnet.backend.cpu.vector.Products.PANEL;
import static org.jresnet.backend.cpu.vector.Winograd.IN;
import static org.jresnet.backend.cpu.vector.Winograd.POINTS;
import static org.jresnet.backend.cpu.vector.Winograd.TAPS;

import org.jresnet.backend.cpu.vector.Scratch.Use;

/**
 * {@code G·g·Gᵀ} of all filters, {@code [panel][point][channel][PANEL]}, as {@link
 * Products#multiply} reads them. One more row follows each point's: at a distance that is a power
 * of two, the 36 points of a filter would share one set of the cache.
 */
final class WinogradFilters {
  private static final int SIZE = TAPS * TAPS;

  private final WinogradShape shape;
  private final boolean adjoint;
  private final Scratch scratch;

  /** Channels of a filter in memory, which are the output's where the convolution is adjoint. */
  private final int inner;

  private final int outer;

  /**
   * Plans a transform.
   *
   * @param shape of the convolution that reads them
   * @param adjoint whether that convolution computes a gradient of inputs: it sees the filters
   *     turned by 180 degrees, and inputs and outputs exchanged
   */
  WinogradFilters(WinogradShape shape, boolean adjoint, Scratch scratch) {
    this.shape = shape;
    this.adjoint = adjoint;
    this.scratch = scratch;
    inner = adjoint ? shape.k() : shape.c();
    outer = adjoint ? shape.c() : shape.k();
    scratch.reserve(Use.FILTERS, LANES * inner * SIZE);
    scratch.reserve(Use.BETWEEN, (SIZE + TAPS * IN) * LANES);
  }

  /** Values from one point to the next. */
  static int point(WinogradShape shape) {
    return (shape.c() + 1) * PANEL;
  }

  /** Values from one panel to the next. */
  static int panel(WinogradShape shape) {
    return POINTS * point(shape);
  }

  /** Values of all transformed filters. */
  static int size(WinogradShape shape) {
    return shape.panels() * panel(shape);
  }

  /**
   * Transforms a worker's share.
   *
   * @param weights torch's {@code [out][in][3][3]}
   */
  void run(int worker, Rows weights, float[] into) {
    float[] g = scratch.get(worker, Use.FILTERS);
    float[] taps = scratch.get(worker, Use.BETWEEN);
    int blocks = outer / LANES;
    int count = scratch.workers();
    for (int block = blocks * worker / count; block < blocks * (worker + 1) / count; block++) {
      int row = inner * SIZE;
      weights.get(block * LANES * row, g, 0, LANES * row, null);
      if (adjoint) {
        for (int i = 0; i < LANES; i++) {
          for (int k = 0; k < inner; k += LANES) {
            gatherTurned(g, i * row + k * SIZE, taps);
            transform(taps, into, place(k, block * LANES + i));
          }
        }
      } else {
        for (int c = 0; c < inner; c++) {
          gather(g, c * SIZE, row, taps);
          transform(taps, into, place(block * LANES, c));
        }
      }
    }
  }

  /** Where the first point of a vector of outputs lies. */
  private int place(int output, int channel) {
    return output / PANEL * panel(shape) + channel * PANEL + output % PANEL;
  }

  private static void gather(float[] g, int at, int step, float[] taps) {
    for (int lane = 0; lane < LANES; lane++) {
      int from = at + lane * step;
      for (int i = 0; i < SIZE; i++) {
        taps[i * LANES + lane] = g[from + i];
      }
    }
  }

  private static void gatherTurned(float[] g, int at, float[] taps) {
    for (int lane = 0; lane < LANES; lane++) {
      int from = at + lane * SIZE;
      for (int i = 0; i < SIZE; i++) {
        taps[(SIZE - 1 - i) * LANES + lane] = g[from + i];
      }
    }
  }

  private void transform(float[] taps, float[] into, int at) {
    int between = SIZE * LANES;
    int row = TAPS * LANES;
    int point = point(shape);
    Winograd.filters(taps, 0, row, LANES, taps, between, row, LANES, TAPS);
    Winograd.filters(taps, between, LANES, row, into, at, point, IN * point, IN);
  }
}
