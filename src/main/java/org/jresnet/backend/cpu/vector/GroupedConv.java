package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.LANES;

import java.util.Arrays;
import org.jresnet.backend.cpu.vector.Scratch.Use;

/**
 * A convolution in groups, or its adjoint, row by row: each worker computes a share of all images'
 * rows, and what an output sums comes in the order of its taps, so that the bits depend on the
 * shape alone.
 */
public abstract class GroupedConv implements PackedConv {
  final GroupedShape shape;
  final boolean adjoint;
  final Scratch scratch;
  final Sweep rows;
  final Sweep columns;
  final RowRing ring;

  /** Channels of what is read. */
  final int inner;

  /** Channels of what is written. */
  final int outer;

  /** Values from one pixel of the sums to the next: the channels, up to whole vectors. */
  final int pitch;

  /** Values before the first sum. */
  final int margin;

  private final Tail tail;

  /** Columns of the sums, with those that are computed beyond the last. */
  private final int width;

  /**
   * What a kernel computes around a row's sums.
   *
   * @param before steps before the first, where what is written means nothing
   * @param unit outputs that are computed together
   */
  record Ends(int before, int unit) {}

  GroupedConv(GroupedShape shape, boolean adjoint, Tail tail, Ends ends, Scratch scratch) {
    this.shape = shape;
    this.adjoint = adjoint;
    this.tail = tail;
    this.scratch = scratch;
    rows = Sweep.of(shape.rows(), shape.h(), adjoint);
    columns = Sweep.of(shape.columns(), shape.w(), adjoint);
    inner = adjoint ? shape.k() : shape.c();
    outer = adjoint ? shape.c() : shape.k();
    pitch = (outer + LANES - 1) / LANES * LANES;
    ring = new RowRing(scratch, rows, columns, inner, ends.unit);
    width = columns.padded(ends.unit);
    margin = ends.before * columns.step() * pitch;
    scratch.reserve(Use.OUTPUT, margin + width * pitch + LANES);
    scratch.reserve(Use.BETWEEN, columns.outputs * outer + LANES);
    scratch.reserve(Use.FILTERS, shape.filters());
    scratch.reserveBits(columns.outputs * outer);
  }

  /**
   * The kernel for a shape.
   *
   * @param adjoint whether the gradient of the input is computed from that of the output
   */
  public static GroupedConv of(GroupedShape shape, boolean adjoint, Tail tail, Scratch scratch) {
    return shape.depthwise()
        ? new DepthwiseConv(shape, adjoint, tail, scratch)
        : new GroupProducts(shape, adjoint, tail, scratch);
  }

  @Override
  public final int biasSize() {
    return pitch;
  }

  @Override
  public final void start() {}

  @Override
  public final void run(int worker, Rows x, float[] filters, float[] bias, Rows y) {
    ring.start(worker);
    float[] in = scratch.get(worker, Use.INPUT);
    float[] out = scratch.get(worker, Use.OUTPUT);
    int bands = shape.n() * rows.outputs;
    int first = bands * worker / scratch.workers();
    int end = bands * (worker + 1) / scratch.workers();
    int next = 0;
    for (int band = first; band < end; band++) {
      int row = band % rows.outputs;
      if (row == 0) {
        next = 0;
      }
      int[] taps = rows.phase(row).taps();
      int from = rows.input(row);
      next = ring.read(worker, x, band / rows.outputs, next, from, from + taps.length);
      begin(out, bias);
      sum(worker, in, from, taps, filters, out);
      write(worker, y, band, out);
    }
  }

  private void begin(float[] out, float[] bias) {
    if (bias == null) {
      Arrays.fill(out, 0, margin + width * pitch, 0);
      return;
    }
    for (int at = 0; at < margin + width * pitch; at += pitch) {
      System.arraycopy(bias, 0, out, at, pitch);
    }
  }

  /**
   * Adds a row's products to its sums.
   *
   * @param from row of the input under the first tap
   * @param taps rows of the window
   */
  abstract void sum(int worker, float[] in, int from, int[] taps, float[] filters, float[] out);

  private void write(int worker, Rows y, int band, float[] out) {
    int count = columns.outputs * outer;
    int at = margin;
    if (pitch != outer) {
      // In ascending order: a pixel's last vector runs into the next pixel, which is written after.
      for (int pixel = 0; pixel < columns.outputs; pixel++) {
        int from = margin + pixel * pitch;
        Pointwise.copy(out, from, LANES, out, pixel * outer, LANES, pitch / LANES);
      }
      at = 0;
    }
    short[] bits = scratch.bits(worker);
    if (tail.adds()) {
      float[] old = scratch.get(worker, Use.BETWEEN);
      y.get(band * count, old, 0, count, bits);
      Pointwise.add(out, at, old, 0, count);
    }
    tail.function().apply(out, at, count);
    y.put(band * count, out, at, count, bits);
  }
}
