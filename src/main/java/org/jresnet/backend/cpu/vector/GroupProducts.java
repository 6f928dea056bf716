package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.LANES;
import static org.jresnet.backend.cpu.vector.Products.SPECIES;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import org.jresnet.backend.cpu.vector.Scratch.Use;

/**
 * Filters in groups of few channels: products of pixels with blocks of {@link Products#LANES}
 * filters. Where {@link WovenGroups} does not suit, small groups share a block, in which a filter
 * has zeros for the channels of the others. Filters are packed as {@code
 * [block][row][phase][tap][channel of the block][LANES]}.
 */
final class GroupProducts extends GroupedConv {
  /** Channels in the innermost loop. */
  static final int DEPTH = 8;

  /** Pixels that are computed together; 7 divides the rows of images that began with 224. */
  static final int PIXELS = 7;

  private final int groupInner;
  private final int groupOuter;

  /** Channels that a block reads. */
  private final int channels;

  /** Values to the first channel of each {@link #DEPTH} channels of each tap. */
  private final int[] places;

  GroupProducts(GroupedShape shape, boolean adjoint, Tail tail, Scratch scratch) {
    super(shape, adjoint, tail, new Ends(0, PIXELS), scratch);
    groupInner = adjoint ? shape.groupOutputs() : shape.groupInputs();
    groupOuter = adjoint ? shape.groupInputs() : shape.groupOutputs();
    channels = channels(groupInner, groupOuter);
    int steps = channels / DEPTH;
    places = new int[columns.taps() * steps];
    Arrays.setAll(places, i -> i / steps * inner + i % steps * DEPTH);
  }

  /** Channels of the input that a block of filters reads. */
  static int channels(int groupInner, int groupOuter) {
    return groupInner * Math.max(1, LANES / groupOuter);
  }

  /** First channel of the input that a block reads, for its first filter. */
  static int channel(int filter, int groupInner, int groupOuter) {
    return filter / groupOuter * groupInner;
  }

  /** Whether such groups are worth a block: of eight or more channels and filters. */
  static boolean suits(int groupInputs, int groupOutputs) {
    return LANES >= DEPTH && fills(groupInputs, groupOutputs) && fills(groupOutputs, groupInputs);
  }

  private static boolean fills(int inner, int outer) {
    return inner % DEPTH == 0 && (outer % LANES == 0 || LANES % outer == 0 && outer >= DEPTH);
  }

  @Override
  public int filterSize() {
    return pitch * channels * shape.taps();
  }

  @Override
  public void packFilters(int worker, Rows weights, float[] into) {
    int blocks = pitch / LANES;
    int end = blocks * (worker + 1) / scratch.workers();
    float[] g = scratch.get(worker, Use.FILTERS);
    int size = shape.filters() / shape.groups();
    for (int block = blocks * worker / scratch.workers(); block < end; block++) {
      int to = block * LANES * channels * shape.taps();
      Arrays.fill(into, to, to + LANES * channels * shape.taps(), 0);
      int lanes = Math.min(LANES, outer - block * LANES);
      for (int lane = 0; lane < lanes; lane += groupOuter) {
        int group = (block * LANES + lane) / groupOuter;
        weights.get(group * size, g, 0, size, null);
        pack(
            g,
            block * LANES % groupOuter,
            into,
            to + lane / groupOuter * groupInner * LANES + lane);
      }
    }
  }

  /** Puts a group's filters to their channels and lanes. */
  private void pack(float[] g, int first, float[] into, int to) {
    int taps = shape.taps();
    int lanes = Math.min(LANES, groupOuter);
    int tap = to;
    for (int r = 0; r < shape.rows().size(); r++) {
      for (Sweep.Phase phase : columns.phases) {
        for (int s : phase.taps()) {
          int place = r * shape.columns().size() + s;
          for (int c = 0; c < groupInner; c++) {
            for (int lane = 0; lane < lanes; lane++) {
              int k = adjoint ? c : first + lane;
              int channel = adjoint ? first + lane : c;
              into[tap + c * LANES + lane] = g[(k * shape.groupInputs() + channel) * taps + place];
            }
          }
          tap += channels * LANES;
        }
      }
    }
  }

  @Override
  void sum(int worker, float[] in, int from, int[] taps, float[] filters, float[] out) {
    int step = columns.step() * pitch;
    int tap = channels * LANES;
    for (int block = 0; block < outer; block += LANES) {
      int channel = channel(block, groupInner, groupOuter);
      int filter = block * channels * shape.taps();
      for (Sweep.Phase phase : columns.phases) {
        int stride = phase.stride() * inner;
        int steps = phase.taps().length * channels / DEPTH;
        for (int i = 0; i < phase.count(); i += PIXELS) {
          int to = (phase.first() + i * columns.step()) * pitch + block;
          int column = (i * phase.stride() + phase.offset()) * inner + channel;
          for (int t = 0; t < taps.length; t++) {
            if (ring.has(from + t)) {
              int at = ring.at(from + t) + column;
              int f = filter + (taps[t] * shape.columns().size() + phase.place()) * tap;
              multiply(in, at, stride, places, steps, filters, f, out, to, step);
            }
          }
        }
      }
    }
  }

  /**
   * {@code y[p] += Σ x[p·stride + places[i] + c]·filters[i][c]} for {@link #PIXELS} pixels p.
   *
   * @param count of places, each with {@link #DEPTH} channels
   * @param step values from one pixel of y to the next
   */
  private static void multiply(
      float[] x,
      int at,
      int stride,
      int[] places,
      int count,
      float[] filters,
      int filter,
      float[] y,
      int to,
      int step) {
    Bounds.check(filters, filter, count * DEPTH * LANES);
    Bounds.check(y, to, (PIXELS - 1) * step + LANES);
    FloatVector y0 = FloatVector.fromArray(SPECIES, y, to);
    FloatVector y1 = FloatVector.fromArray(SPECIES, y, to + step);
    FloatVector y2 = FloatVector.fromArray(SPECIES, y, to + 2 * step);
    FloatVector y3 = FloatVector.fromArray(SPECIES, y, to + 3 * step);
    FloatVector y4 = FloatVector.fromArray(SPECIES, y, to + 4 * step);
    FloatVector y5 = FloatVector.fromArray(SPECIES, y, to + 5 * step);
    FloatVector y6 = FloatVector.fromArray(SPECIES, y, to + 6 * step);
    int from = filter;
    for (int place = 0; place < count; place++) {
      int i = at + places[place];
      for (int c = 0; c < DEPTH; c++) {
        FloatVector w = FloatVector.fromArray(SPECIES, filters, from);
        from += LANES;
        y0 = FloatVector.broadcast(SPECIES, x[i + c]).fma(w, y0);
        y1 = FloatVector.broadcast(SPECIES, x[i + c + stride]).fma(w, y1);
        y2 = FloatVector.broadcast(SPECIES, x[i + c + 2 * stride]).fma(w, y2);
        y3 = FloatVector.broadcast(SPECIES, x[i + c + 3 * stride]).fma(w, y3);
        y4 = FloatVector.broadcast(SPECIES, x[i + c + 4 * stride]).fma(w, y4);
        y5 = FloatVector.broadcast(SPECIES, x[i + c + 5 * stride]).fma(w, y5);
        y6 = FloatVector.broadcast(SPECIES, x[i + c + 6 * stride]).fma(w, y6);
      }
    }
    y0.intoArray(y, to);
    y1.intoArray(y, to + step);
    y2.intoArray(y, to + 2 * step);
    y3.intoArray(y, to + 3 * step);
    y4.intoArray(y, to + 4 * step);
    y5.intoArray(y, to + 5 * step);
    y6.intoArray(y, to + 6 * step);
  }

  /**
   * {@code sums[c][k] += Σ x[i·stride][c]·dy[i·pixel][k]} for eight channels and a block of
   * filters.
   *
   * @param count pixels
   */
  static void accumulate(
      float[] x,
      int at,
      int stride,
      float[] dy,
      int from,
      int pixel,
      int count,
      float[] sums,
      int to) {
    Bounds.check(dy, from, (count - 1) * pixel + LANES);
    Bounds.check(sums, to, DEPTH * LANES);
    FloatVector s0 = FloatVector.fromArray(SPECIES, sums, to);
    FloatVector s1 = FloatVector.fromArray(SPECIES, sums, to + LANES);
    FloatVector s2 = FloatVector.fromArray(SPECIES, sums, to + 2 * LANES);
    FloatVector s3 = FloatVector.fromArray(SPECIES, sums, to + 3 * LANES);
    FloatVector s4 = FloatVector.fromArray(SPECIES, sums, to + 4 * LANES);
    FloatVector s5 = FloatVector.fromArray(SPECIES, sums, to + 5 * LANES);
    FloatVector s6 = FloatVector.fromArray(SPECIES, sums, to + 6 * LANES);
    FloatVector s7 = FloatVector.fromArray(SPECIES, sums, to + 7 * LANES);
    for (int i = 0; i < count; i++) {
      FloatVector d = FloatVector.fromArray(SPECIES, dy, from + i * pixel);
      int a = at + i * stride;
      s0 = FloatVector.broadcast(SPECIES, x[a]).fma(d, s0);
      s1 = FloatVector.broadcast(SPECIES, x[a + 1]).fma(d, s1);
      s2 = FloatVector.broadcast(SPECIES, x[a + 2]).fma(d, s2);
      s3 = FloatVector.broadcast(SPECIES, x[a + 3]).fma(d, s3);
      s4 = FloatVector.broadcast(SPECIES, x[a + 4]).fma(d, s4);
      s5 = FloatVector.broadcast(SPECIES, x[a + 5]).fma(d, s5);
      s6 = FloatVector.broadcast(SPECIES, x[a + 6]).fma(d, s6);
      s7 = FloatVector.broadcast(SPECIES, x[a + 7]).fma(d, s7);
    }
    s0.intoArray(sums, to);
    s1.intoArray(sums, to + LANES);
    s2.intoArray(sums, to + 2 * LANES);
    s3.intoArray(sums, to + 3 * LANES);
    s4.intoArray(sums, to + 4 * LANES);
    s5.intoArray(sums, to + 5 * LANES);
    s6.intoArray(sums, to + 6 * LANES);
    s7.intoArray(sums, to + 7 * LANES);
  }
}
