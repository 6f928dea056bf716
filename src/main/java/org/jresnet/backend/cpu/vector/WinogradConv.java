package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.LANES;
import static org.jresnet.backend.cpu.vector.Products.PANEL;
import static org.jresnet.backend.cpu.vector.Winograd.IN;
import static org.jresnet.backend.cpu.vector.Winograd.OUT;
import static org.jresnet.backend.cpu.vector.Winograd.POINTS;

import org.jresnet.backend.cpu.vector.Scratch.Use;

/**
 * A 3x3 convolution with stride 1 by Winograd's F(4x4, 3x3) on NHWC memory, in F32 or with BF16 in
 * memory and F32 arithmetic. Each worker has a stretch of bands, and helps others when it is done;
 * each output is computed by one worker in one order, so its bits do not depend on who does.
 *
 * <p>For each block: transform the tiles; then for each panel of outputs and each of the 36 points
 * multiply tiles and filters, and transform the products back while they are in the cache.
 */
public final class WinogradConv implements PackedConv {
  /** Tiles of a block: their transforms and products fit the second cache. */
  private static final int TILES = 28;

  private final WinogradShape shape;
  private final Scratch scratch;
  private final WinogradFilters filters;
  private final WinogradTiles tiles;
  private final Tail tail;

  /** Bands of a block. */
  private final int bands;

  /** Tiles of a block, rounded up to what the product computes. */
  private final int pitch;

  /** Values from one point to the next; odd numbers of vectors spread over the cache's sets. */
  private final int tilePoint;

  private final int productPoint;

  private final Handout handout;

  /**
   * Plans a convolution.
   *
   * @param adjoint whether it computes a gradient of inputs
   */
  public WinogradConv(WinogradShape shape, boolean adjoint, Tail tail, Scratch scratch) {
    this.shape = shape;
    this.scratch = scratch;
    filters = new WinogradFilters(shape, adjoint, scratch);
    tiles = new WinogradTiles(shape, scratch);
    this.tail = tail;
    int share = (shape.bands() + scratch.workers() - 1) / scratch.workers();
    int most = Math.max(1, TILES / shape.tiles());
    int blocks = (share + most - 1) / most;
    bands = (share + blocks - 1) / blocks;
    pitch = Products.rounded(bands * shape.tiles());
    handout = new Handout(scratch.workers(), shape.bands(), bands);
    tilePoint = pitch * shape.c() + LANES;
    productPoint = pitch * PANEL + LANES;
    scratch.reserve(Use.TILES, POINTS * tilePoint);
    scratch.reserve(Use.PRODUCTS, POINTS * productPoint);
    scratch.reserve(Use.OUTPUT, bands * OUT * row());
    scratch.reserve(Use.BETWEEN, OUT * IN * LANES);
    scratch.reserve(Use.INPUT, shape.columns() * shape.k());
    scratch.reserveBits(shape.columns() * shape.k());
  }

  @Override
  public int filterSize() {
    return WinogradFilters.size(shape);
  }

  @Override
  public int biasSize() {
    return shape.k();
  }

  @Override
  public void packFilters(int worker, Rows weights, float[] into) {
    filters.run(worker, weights, into);
  }

  @Override
  public void start() {
    handout.start();
  }

  @Override
  public void run(int worker, Rows x, float[] u, float[] bias, Rows y) {
    for (int first = handout.take(worker); first >= 0; first = handout.take(worker)) {
      block(worker, x, u, bias, y, first, handout.end(first) - first);
    }
  }

  private int row() {
    return shape.tiles() * OUT * shape.k();
  }

  private void block(int worker, Rows x, float[] u, float[] bias, Rows y, int first, int count) {
    float[] v = scratch.get(worker, Use.TILES);
    float[] m = scratch.get(worker, Use.PRODUCTS);
    float[] out = scratch.get(worker, Use.OUTPUT);
    float[] between = scratch.get(worker, Use.BETWEEN);
    for (int b = 0; b < count; b++) {
      tiles.run(worker, x, first + b, v, b * shape.tiles(), pitch, tilePoint);
    }
    int c = shape.c();
    int filterPoint = WinogradFilters.point(shape);
    int used = count * shape.tiles();
    for (int p = 0; p < shape.panels(); p++) {
      for (int point = 0; point < POINTS; point++) {
        int from = (p * POINTS + point) * filterPoint;
        Products.multiply(
            v, point * tilePoint, pitch * LANES, used, c, u, from, m, point * productPoint);
      }
      for (int half = 0; half < PANEL && p * PANEL + half < shape.k(); half += LANES) {
        for (int t = 0; t < used; t++) {
          back(m, t * PANEL + half, between, out, place(t) + p * PANEL + half);
        }
      }
    }
    write(worker, y, bias, out, first, count);
  }

  /** Where a block's tile begins in its output rows. */
  private int place(int tile) {
    int band = tile / shape.tiles();
    return band * OUT * row() + tile % shape.tiles() * OUT * shape.k();
  }

  /** {@code Aᵀ·m·A} of a tile and one vector of outputs. */
  private void back(float[] m, int at, float[] between, float[] out, int to) {
    int line = IN * LANES;
    Winograd.outputs(m, at, IN * productPoint, productPoint, between, 0, line, LANES, IN);
    Winograd.outputs(between, 0, LANES, line, out, to, shape.k(), row(), OUT);
  }

  /** Writes the output rows of a block, with what follows the convolution. */
  private void write(int worker, Rows y, float[] bias, float[] out, int first, int count) {
    int length = shape.columns() * shape.k();
    short[] bits = scratch.bits(worker);
    float[] old = scratch.get(worker, Use.INPUT);
    for (int b = 0; b < count; b++) {
      int top = shape.row(first + b);
      int image = shape.image(first + b) * shape.rows();
      for (int i = 0; i < OUT && top + i < shape.rows(); i++) {
        int at = (image + top + i) * length;
        int from = (b * OUT + i) * row();
        if (tail.adds()) {
          y.get(at, old, 0, length, bits);
          Pointwise.add(out, from, old, 0, length);
        }
        if (bias != null) {
          Pointwise.addToEach(out, from, bias, shape.k(), shape.columns());
        }
        tail.function().apply(out, from, length);
        y.put(at, out, from, length, bits);
      }
    }
  }
}
