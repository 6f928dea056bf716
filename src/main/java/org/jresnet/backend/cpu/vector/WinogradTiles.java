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
    int width = shape.width();
    int tiles = shape.tiles();
    int c = shape.c();
    for (int block = 0; block < c / LANES; block++) {
      for (int column = 0; column < width; column++) {
        Winograd.input(d, column * c + block * LANES, row, between, column * LANES, width * LANES);
      }
      int to = (block * pitch + tile) * LANES;
      for (int i = 0; i < IN; i++) {
        for (int t = 0; t < tiles; t++) {
          Winograd.input(
              between,
              (i * width + t * OUT) * LANES,
              LANES,
              into,
              to + i * IN * point + t * LANES,
              point);
        }
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
