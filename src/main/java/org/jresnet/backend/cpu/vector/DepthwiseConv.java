package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Depthwise.ROWS;
import static org.jresnet.backend.cpu.vector.Depthwise.TAPS;
import static org.jresnet.backend.cpu.vector.Products.LANES;

import org.jresnet.backend.cpu.vector.Scratch.Use;

/** One filter for each channel. Filters are packed as {@code [row][phase][tap][pitch]}. */
final class DepthwiseConv extends GroupedConv {
  private final Places places;

  DepthwiseConv(GroupedShape shape, boolean adjoint, Tail tail, Scratch scratch) {
    super(shape, adjoint, tail, new Ends(TAPS - 1, 1), scratch);
    places = new Places(scratch.workers(), shape.columns().size() * pitch, 0);
  }

  @Override
  public int filterSize() {
    return shape.taps() * pitch;
  }

  @Override
  public void packFilters(int worker, Rows weights, float[] into) {
    int first = outer * worker / scratch.workers();
    int end = outer * (worker + 1) / scratch.workers();
    float[] g = scratch.get(worker, Use.FILTERS);
    int taps = shape.taps();
    weights.get(first * taps, g, 0, (end - first) * taps, null);
    int size = shape.columns().size();
    for (int r = 0; r < shape.rows().size(); r++) {
      for (Sweep.Phase phase : columns.phases) {
        for (int t = 0; t < phase.taps().length; t++) {
          int from = r * size + phase.taps()[t];
          int to = (r * size + phase.place() + t) * pitch;
          for (int c = first; c < end; c++) {
            into[to + c] = g[(c - first) * taps + from];
          }
        }
      }
    }
  }

  @Override
  void sum(int worker, float[] in, int from, int[] taps, float[] filters, float[] out) {
    for (int first = 0; first < taps.length; first += ROWS) {
      for (Sweep.Phase phase : columns.phases) {
        int count = phase.taps().length;
        for (int t = 0; t < count; ) {
          int taken = taken(count - t, phase.stride());
          if (places.place(worker, ring, from, taps, first)) {
            int column = (phase.offset() + t) * inner;
            places.move(worker, column, (phase.place() + t) * pitch);
            row(worker, in, phase, taken, filters, out);
          }
          t += taken;
        }
      }
    }
  }

  /** Number of taps that one kernel takes of those that are left. */
  static int taken(int left, int stride) {
    return left >= TAPS ? TAPS : left >= 3 ? 3 : stride == 1 ? left : 1;
  }

  private void row(
      int worker, float[] x, Sweep.Phase phase, int taps, float[] filters, float[] out) {
    int[] rows = places.of(worker);
    int count = phase.count();
    int stride = phase.stride() * inner;
    int step = columns.step() * pitch;
    int to = margin + phase.first() * pitch;
    for (int c = 0; c < pitch; c += LANES, to += LANES) {
      if (taps == 1) {
        Depthwise.one(x, rows, stride, filters, pitch, out, to, step, count);
      } else if (taps == 2) {
        Depthwise.two(x, rows, inner, filters, pitch, out, to - step, step, count);
      } else if (phase.stride() > 1) {
        if (taps == 3) {
          Depthwise.threeApart(x, rows, inner, stride, filters, pitch, out, to, step, count);
        } else {
          Depthwise.fiveApart(x, rows, inner, stride, filters, pitch, out, to, step, count);
        }
      } else if (taps == 3) {
        Depthwise.three(x, rows, inner, filters, pitch, out, to - 2 * step, step, count);
      } else {
        Depthwise.five(x, rows, inner, filters, pitch, out, to - 4 * step, step, count);
      }
      places.move(worker, LANES, LANES);
    }
  }
}
