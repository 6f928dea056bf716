package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.LANES;
import static org.jresnet.backend.cpu.vector.Products.SPECIES;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
import org.jresnet.backend.cpu.vector.Scratch.Use;

/**
 * Filters in groups that are narrower than a vector, which holds as many groups as fit. Nothing is
 * multiplied by zero: in a vector, channel c of all its groups lies side by side, then channel
 * {@code c + 1}; and each pixel's vector lies in memory twice. Then a vector that begins {@code s}
 * channels further has the channels of every group turned by {@code s}, and with as many turns as a
 * group has channels each filter meets each channel of its group once.
 *
 * <p>Filters are packed as {@code [block][row][turn][tap][LANES]}.
 */
final class WovenGroups extends GroupedConv {
  /** Pixels that are computed together: their sums fill half of 32 registers. */
  private static final int PIXELS = 14;

  /** Taps of a row. */
  private static final int TAPS = 3;

  /** Values of a pixel of a block. */
  private static final int TWICE = 2 * LANES;

  /** Channels of a group. */
  private final int width;

  /** Groups of a block. */
  private final int groups;

  private final int blocks;

  /** Values of a block's row. */
  private final int length;

  private final Sweep.Phase phase;
  private final VectorShuffle<Float> weave;
  private final VectorShuffle<Float> unweave;

  /** Where the turns of the rows under the window lie, for each worker. */
  private final int[][] places;

  WovenGroups(GroupedShape shape, boolean adjoint, Tail tail, Scratch scratch) {
    super(shape, adjoint, tail, new Ends(0, PIXELS), scratch);
    width = shape.groupInputs();
    groups = LANES / width;
    blocks = pitch / LANES;
    phase = columns.phases[0];
    length = (columns.before() + columns.inputs + columns.after(PIXELS)) * TWICE;
    int[] order = new int[LANES];
    int[] back = new int[LANES];
    for (int i = 0; i < LANES; i++) {
      order[i] = i % groups * width + i / groups;
      back[order[i]] = i;
    }
    weave = VectorShuffle.fromArray(SPECIES, order, 0);
    unweave = VectorShuffle.fromArray(SPECIES, back, 0);
    places = new int[scratch.workers()][rows.taps() * width];
    scratch.reserve(Use.TILES, woven());
    scratch.reserve(Use.PRODUCTS, columns.padded(PIXELS) * pitch);
  }

  /** Values of the rows under the window. */
  private int woven() {
    return rows.taps() * blocks * length;
  }

  /** Whether a kernel for small groups of this machine's vectors can compute it. */
  static boolean suits(GroupedShape shape, boolean adjoint) {
    int strides = Math.max(shape.rows().stride(), shape.columns().stride());
    return shape.groupInputs() == shape.groupOutputs()
        && shape.groupInputs() < LANES
        && LANES % shape.groupInputs() == 0
        && shape.columns().size() == TAPS
        && (adjoint ? strides == 1 : shape.columns().stride() <= 2);
  }

  @Override
  public int filterSize() {
    return blocks * filter() * rows.taps();
  }

  /** Values of a row of a block's filters. */
  private int filter() {
    return width * TAPS * LANES;
  }

  @Override
  public void packFilters(int worker, Rows weights, float[] into) {
    float[] g = scratch.get(worker, Use.FILTERS);
    int size = shape.filters() / shape.groups();
    int end = blocks * (worker + 1) / scratch.workers();
    for (int block = blocks * worker / scratch.workers(); block < end; block++) {
      int to = block * filter() * rows.taps();
      Arrays.fill(into, to, to + filter() * rows.taps(), 0);
      int first = block * groups;
      for (int group = first; group < Math.min(first + groups, shape.groups()); group++) {
        weights.get(group * size, g, 0, size, null);
        pack(g, into, to + group - first);
      }
    }
  }

  private void pack(float[] g, float[] into, int to) {
    int at = to;
    for (int r : rows.phases[0].taps()) {
      for (int turn = 0; turn < width; turn++) {
        for (int s : phase.taps()) {
          for (int outer = 0; outer < width; outer++) {
            int inner = (outer + turn) % width;
            int k = adjoint ? inner : outer;
            int c = adjoint ? outer : inner;
            into[at + outer * groups] = g[((k * width + c) * shape.rows().size() + r) * TAPS + s];
          }
          at += LANES;
        }
      }
    }
  }

  @Override
  void clear(int worker) {
    Arrays.fill(scratch.get(worker, Use.TILES), 0, woven(), 0);
  }

  @Override
  void arrange(int worker, float[] in, int first, int end) {
    float[] to = scratch.get(worker, Use.TILES);
    for (int row = first; row < end; row++) {
      for (int block = 0; block < blocks; block++) {
        int from = ring.at(row) + block * LANES;
        int at = at(row) + block * length + columns.before() * TWICE;
        weave(in, from, inner, to, at, columns.inputs, weave);
      }
    }
  }

  /** Where a row begins, with the zeros before it. */
  private int at(int row) {
    return row % rows.taps() * blocks * length;
  }

  @Override
  void sum(int worker, float[] in, int from, int[] taps, float[] filters, float[] out) {
    float[] x = scratch.get(worker, Use.TILES);
    float[] sums = scratch.get(worker, Use.PRODUCTS);
    int[] turns = places[worker];
    int first = Math.max(0, -from);
    int steps = 0;
    for (int t = first; t < taps.length && ring.has(from + t); t++) {
      for (int turn = 0; turn < width; turn++) {
        turns[steps++] = at(from + t) + turn * groups;
      }
    }
    int column = (columns.before() + phase.offset()) * TWICE;
    for (int block = 0; block < blocks; block++) {
      int filter = (block * rows.taps() + first) * filter();
      for (int i = 0; i < phase.count(); i += PIXELS) {
        int at = block * length + column + i * phase.stride() * TWICE;
        int to = i * pitch + block * LANES;
        if (phase.stride() == 1) {
          multiply(x, at, turns, steps, filters, filter, sums, to, pitch);
        } else {
          multiplyApart(x, at, turns, steps, filters, filter, sums, to, pitch);
        }
      }
    }
    unweave(sums, out, phase.count() * pitch, unweave);
  }

  /** Copies vectors, {@code step} values apart, in another order and twice. */
  private static void weave(
      float[] x, int at, int step, float[] y, int to, int count, VectorShuffle<Float> order) {
    Bounds.check(x, at, 0, 1, step, count);
    Bounds.check(y, to, count * TWICE);
    for (int i = 0; i < count; i++) {
      FloatVector v = FloatVector.fromArray(SPECIES, x, at + i * step).rearrange(order);
      v.intoArray(y, to + i * TWICE);
      v.intoArray(y, to + i * TWICE + LANES);
    }
  }

  /** {@code y += x} in another order of each vector. */
  private static void unweave(float[] x, float[] y, int count, VectorShuffle<Float> order) {
    Bounds.checkWhole(x, 0, count);
    Bounds.checkWhole(y, 0, count);
    for (int i = 0; i < count; i += LANES) {
      FloatVector v = FloatVector.fromArray(SPECIES, x, i).rearrange(order);
      FloatVector.fromArray(SPECIES, y, i).add(v).intoArray(y, i);
    }
  }

  /**
   * {@code y[p] = Σ x[p + t][turn]·filters[turn][t]} for {@link #PIXELS} pixels p and three taps t.
   *
   * @param turns where the turns lie
   * @param count of turns, those of all rows
   * @param step values from one pixel of y to the next
   */
  private static void multiply(
      float[] x,
      int at,
      int[] turns,
      int count,
      float[] filters,
      int filter,
      float[] y,
      int to,
      int step) {
    Bounds.check(filters, filter, (long) count * TAPS * LANES);
    Bounds.check(y, to, (PIXELS - 1) * step + LANES);
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector y0 = zero;
    FloatVector y1 = zero;
    FloatVector y2 = zero;
    FloatVector y3 = zero;
    FloatVector y4 = zero;
    FloatVector y5 = zero;
    FloatVector y6 = zero;
    FloatVector y7 = zero;
    FloatVector y8 = zero;
    FloatVector y9 = zero;
    FloatVector y10 = zero;
    FloatVector y11 = zero;
    FloatVector y12 = zero;
    FloatVector y13 = zero;
    int from = filter;
    for (int turn = 0; turn < count; turn++) {
      int i = at + turns[turn];
      FloatVector w0 = FloatVector.fromArray(SPECIES, filters, from);
      FloatVector w1 = FloatVector.fromArray(SPECIES, filters, from + LANES);
      FloatVector w2 = FloatVector.fromArray(SPECIES, filters, from + 2 * LANES);
      from += TAPS * LANES;
      FloatVector left = FloatVector.fromArray(SPECIES, x, i);
      FloatVector mid = FloatVector.fromArray(SPECIES, x, i + TWICE);
      FloatVector right = FloatVector.fromArray(SPECIES, x, i + 2 * TWICE);
      y0 = left.fma(w0, mid.fma(w1, right.fma(w2, y0)));
      left = FloatVector.fromArray(SPECIES, x, i + 3 * TWICE);
      y1 = mid.fma(w0, right.fma(w1, left.fma(w2, y1)));
      mid = FloatVector.fromArray(SPECIES, x, i + 4 * TWICE);
      y2 = right.fma(w0, left.fma(w1, mid.fma(w2, y2)));
      right = FloatVector.fromArray(SPECIES, x, i + 5 * TWICE);
      y3 = left.fma(w0, mid.fma(w1, right.fma(w2, y3)));
      left = FloatVector.fromArray(SPECIES, x, i + 6 * TWICE);
      y4 = mid.fma(w0, right.fma(w1, left.fma(w2, y4)));
      mid = FloatVector.fromArray(SPECIES, x, i + 7 * TWICE);
      y5 = right.fma(w0, left.fma(w1, mid.fma(w2, y5)));
      right = FloatVector.fromArray(SPECIES, x, i + 8 * TWICE);
      y6 = left.fma(w0, mid.fma(w1, right.fma(w2, y6)));
      left = FloatVector.fromArray(SPECIES, x, i + 9 * TWICE);
      y7 = mid.fma(w0, right.fma(w1, left.fma(w2, y7)));
      mid = FloatVector.fromArray(SPECIES, x, i + 10 * TWICE);
      y8 = right.fma(w0, left.fma(w1, mid.fma(w2, y8)));
      right = FloatVector.fromArray(SPECIES, x, i + 11 * TWICE);
      y9 = left.fma(w0, mid.fma(w1, right.fma(w2, y9)));
      left = FloatVector.fromArray(SPECIES, x, i + 12 * TWICE);
      y10 = mid.fma(w0, right.fma(w1, left.fma(w2, y10)));
      mid = FloatVector.fromArray(SPECIES, x, i + 13 * TWICE);
      y11 = right.fma(w0, left.fma(w1, mid.fma(w2, y11)));
      right = FloatVector.fromArray(SPECIES, x, i + 14 * TWICE);
      y12 = left.fma(w0, mid.fma(w1, right.fma(w2, y12)));
      left = FloatVector.fromArray(SPECIES, x, i + 15 * TWICE);
      y13 = mid.fma(w0, right.fma(w1, left.fma(w2, y13)));
    }
    y0.intoArray(y, to);
    y1.intoArray(y, to + step);
    y2.intoArray(y, to + 2 * step);
    y3.intoArray(y, to + 3 * step);
    y4.intoArray(y, to + 4 * step);
    y5.intoArray(y, to + 5 * step);
    y6.intoArray(y, to + 6 * step);
    y7.intoArray(y, to + 7 * step);
    y8.intoArray(y, to + 8 * step);
    y9.intoArray(y, to + 9 * step);
    y10.intoArray(y, to + 10 * step);
    y11.intoArray(y, to + 11 * step);
    y12.intoArray(y, to + 12 * step);
    y13.intoArray(y, to + 13 * step);
  }

  /** The same with stride 2: {@code x[2p + t]}. */
  private static void multiplyApart(
      float[] x,
      int at,
      int[] turns,
      int count,
      float[] filters,
      int filter,
      float[] y,
      int to,
      int step) {
    Bounds.check(filters, filter, (long) count * TAPS * LANES);
    Bounds.check(y, to, (PIXELS - 1) * step + LANES);
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector y0 = zero;
    FloatVector y1 = zero;
    FloatVector y2 = zero;
    FloatVector y3 = zero;
    FloatVector y4 = zero;
    FloatVector y5 = zero;
    FloatVector y6 = zero;
    FloatVector y7 = zero;
    FloatVector y8 = zero;
    FloatVector y9 = zero;
    FloatVector y10 = zero;
    FloatVector y11 = zero;
    FloatVector y12 = zero;
    FloatVector y13 = zero;
    int from = filter;
    for (int turn = 0; turn < count; turn++) {
      int i = at + turns[turn];
      FloatVector w0 = FloatVector.fromArray(SPECIES, filters, from);
      FloatVector w1 = FloatVector.fromArray(SPECIES, filters, from + LANES);
      FloatVector w2 = FloatVector.fromArray(SPECIES, filters, from + 2 * LANES);
      from += TAPS * LANES;
      FloatVector left = FloatVector.fromArray(SPECIES, x, i);
      FloatVector mid = FloatVector.fromArray(SPECIES, x, i + TWICE);
      FloatVector right = FloatVector.fromArray(SPECIES, x, i + 2 * TWICE);
      y0 = left.fma(w0, mid.fma(w1, right.fma(w2, y0)));
      mid = FloatVector.fromArray(SPECIES, x, i + 3 * TWICE);
      left = FloatVector.fromArray(SPECIES, x, i + 4 * TWICE);
      y1 = right.fma(w0, mid.fma(w1, left.fma(w2, y1)));
      mid = FloatVector.fromArray(SPECIES, x, i + 5 * TWICE);
      right = FloatVector.fromArray(SPECIES, x, i + 6 * TWICE);
      y2 = left.fma(w0, mid.fma(w1, right.fma(w2, y2)));
      mid = FloatVector.fromArray(SPECIES, x, i + 7 * TWICE);
      left = FloatVector.fromArray(SPECIES, x, i + 8 * TWICE);
      y3 = right.fma(w0, mid.fma(w1, left.fma(w2, y3)));
      mid = FloatVector.fromArray(SPECIES, x, i + 9 * TWICE);
      right = FloatVector.fromArray(SPECIES, x, i + 10 * TWICE);
      y4 = left.fma(w0, mid.fma(w1, right.fma(w2, y4)));
      mid = FloatVector.fromArray(SPECIES, x, i + 11 * TWICE);
      left = FloatVector.fromArray(SPECIES, x, i + 12 * TWICE);
      y5 = right.fma(w0, mid.fma(w1, left.fma(w2, y5)));
      mid = FloatVector.fromArray(SPECIES, x, i + 13 * TWICE);
      right = FloatVector.fromArray(SPECIES, x, i + 14 * TWICE);
      y6 = left.fma(w0, mid.fma(w1, right.fma(w2, y6)));
      mid = FloatVector.fromArray(SPECIES, x, i + 15 * TWICE);
      left = FloatVector.fromArray(SPECIES, x, i + 16 * TWICE);
      y7 = right.fma(w0, mid.fma(w1, left.fma(w2, y7)));
      mid = FloatVector.fromArray(SPECIES, x, i + 17 * TWICE);
      right = FloatVector.fromArray(SPECIES, x, i + 18 * TWICE);
      y8 = left.fma(w0, mid.fma(w1, right.fma(w2, y8)));
      mid = FloatVector.fromArray(SPECIES, x, i + 19 * TWICE);
      left = FloatVector.fromArray(SPECIES, x, i + 20 * TWICE);
      y9 = right.fma(w0, mid.fma(w1, left.fma(w2, y9)));
      mid = FloatVector.fromArray(SPECIES, x, i + 21 * TWICE);
      right = FloatVector.fromArray(SPECIES, x, i + 22 * TWICE);
      y10 = left.fma(w0, mid.fma(w1, right.fma(w2, y10)));
      mid = FloatVector.fromArray(SPECIES, x, i + 23 * TWICE);
      left = FloatVector.fromArray(SPECIES, x, i + 24 * TWICE);
      y11 = right.fma(w0, mid.fma(w1, left.fma(w2, y11)));
      mid = FloatVector.fromArray(SPECIES, x, i + 25 * TWICE);
      right = FloatVector.fromArray(SPECIES, x, i + 26 * TWICE);
      y12 = left.fma(w0, mid.fma(w1, right.fma(w2, y12)));
      mid = FloatVector.fromArray(SPECIES, x, i + 27 * TWICE);
      left = FloatVector.fromArray(SPECIES, x, i + 28 * TWICE);
      y13 = right.fma(w0, mid.fma(w1, left.fma(w2, y13)));
    }
    y0.intoArray(y, to);
    y1.intoArray(y, to + step);
    y2.intoArray(y, to + 2 * step);
    y3.intoArray(y, to + 3 * step);
    y4.intoArray(y, to + 4 * step);
    y5.intoArray(y, to + 5 * step);
    y6.intoArray(y, to + 6 * step);
    y7.intoArray(y, to + 7 * step);
    y8.intoArray(y, to + 8 * step);
    y9.intoArray(y, to + 9 * step);
    y10.intoArray(y, to + 10 * step);
    y11.intoArray(y, to + 11 * step);
    y12.intoArray(y, to + 12 * step);
    y13.intoArray(y, to + 13 * step);
  }
}
