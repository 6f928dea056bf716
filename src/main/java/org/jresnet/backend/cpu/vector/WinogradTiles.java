package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.LANES;
import static org.jresnet.backend.cpu.vector.Winograd.IN;
import static org.jresnet.backend.cpu.vector.Winograd.OUT;

import org.jresnet.backend.cpu.vector.Scratch.Use;

/**
 * {@code Bᵀ·d·B} of the tiles of a band, {@code [point][block of channels][tile][LANES]}. The
 * columns' transform is shared by tiles that overlap.
 */
final class WinogradTiles {
  private final WinogradShape shape;
  private final Scratch scratch;
  private final int row;

  WinogradTiles(WinogradShape shape, Scratch scratch) {
    this.shape = shape;
    this.scratch = scratch;
    row = shape.width() * shape.c();
    scratch.reserve(Use.INPUT, IN * row);
    scratch.reserve(Use.BETWEEN, IN * shape.width() * LANES);
    scratch.reserveBits(shape.w() * shape.c());
  }

  /**
   * Reads and transforms a band.
   *
   * @param tile where its first tile goes
   * @param pitch tiles of one block
   * @param point values of one point
   */
  void run(int worker, Rows x, int band, float[] into, int tile, int pitch, int point) {
    float[] d = scratch.get(worker, Use.INPUT);
    float[] between = scratch.get(worker, Use.BETWEEN);
    read(worker, x, band, d);
    int width = shape.width() * LANES;
    int c = shape.c();
    for (int block = 0; block < c / LANES; block++) {
      Winograd.inputs(d, block * LANES, row, c, between, 0, width, LANES, shape.width());
      for (int i = 0; i < IN; i++) {
        Winograd.inputs(
            between,
            i * width,
            LANES,
            OUT * LANES,
            into,
            (block * pitch + tile) * LANES + i * IN * point,
            point,
            LANES,
            shape.tiles());
      }
    }
  }

  private void read(int worker, Rows x, int band, float[] d) {
    int padding = shape.padding();
    int c = shape.c();
    int count = shape.w() * c;
    int first = shape.row(band) - padding;
    int image = shape.image(band) * shape.h();
    for (int i = 0; i < IN; i++) {
      int at = i * row;
      int y = first + i;
      if (y < 0 || y >= shape.h()) {
        clear(d, at, at + row);
      } else {
        clear(d, at, at + padding * c);
        x.get((image + y) * count, d, at + padding * c, count, scratch.bits(worker));
        clear(d, at + padding * c + count, at + row);
      }
    }
  }

  private static void clear(float[] d, int from, int to) {
    java.util.Arrays.fill(d, from, to, 0);
  }
}
