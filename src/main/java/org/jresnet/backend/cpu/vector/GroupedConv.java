package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.LANES;

import java.util.Arrays;
import org.jresnet.backend.cpu.vector.Scratch.Use;

/**
 * A convolution in groups, or its adjoint, row by row: workers take images, or parts of them, and
 * what an output sums comes in the order of its taps, so that the bits depend on the shape alone.
 */
public abstract class GroupedConv implements PackedConv {
  /** Units of work for each worker. */
  private static final int UNITS = 4;

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

  /** Rows of all images, in stretches of one image. */
  private final Handout handout;

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
    handout = new Handout(scratch.workers(), shape.n() * parts(), 1);
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
    if (shape.depthwise()) {
      return new DepthwiseConv(shape, adjoint, tail, scratch);
    }
    return WovenGroups.suits(shape, adjoint)
        ? new WovenGroups(shape, adjoint, tail, scratch)
        : new GroupProducts(shape, adjoint, tail, scratch);
  }

  /** Parts of an image: few, because each reads the rows that the window has above it. */
  private int parts() {
    return Math.min(rows.outputs, (UNITS * scratch.workers() + shape.n() - 1) / shape.n());
  }

  @Override
  public final int biasSize() {
    return pitch;
  }

  @Override
  public final void start() {
    handout.start();
  }

  @Override
  public final void run(int worker, Rows x, float[] filters, float[] bias, Rows y) {
    ring.start(worker);
    clear(worker);
    int parts = parts();
    for (int unit = handout.take(worker); unit >= 0; unit = handout.take(worker)) {
      int part = unit % parts;
      int first = rows.outputs * part / parts;
      int end = rows.outputs * (part + 1) / parts;
      compute(worker, x, filters, bias, y, unit / parts, first, end);
    }
  }

  /** Rows {@code first} to {@code end − 1} of an image. */
  private void compute(
      int worker, Rows x, float[] filters, float[] bias, Rows y, int image, int first, int end) {
    float[] in = scratch.get(worker, Use.INPUT);
    float[] out = scratch.get(worker, Use.OUTPUT);
    int next = 0;
    for (int row = first; row < end; row++) {
      int[] taps = rows.phase(row).taps();
      int from = rows.input(row);
      int read = ring.read(worker, x, image, next, from, from + taps.length);
      arrange(worker, in, Math.max(next, from), read);
      next = read;
      begin(out, bias);
      sum(worker, in, from, taps, filters, out);
      write(worker, y, image * rows.outputs + row, out);
    }
  }

  /** Clears what lies between the rows of {@link #arrange}. */
  void clear(int worker) {}

  /** Brings rows into the kernel's own layout, right after they were read to the ring. */
  void arrange(int worker, float[] in, int first, int end) {}

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
