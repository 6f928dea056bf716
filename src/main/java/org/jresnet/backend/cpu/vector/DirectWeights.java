package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.LANES;
import static org.jresnet.backend.cpu.vector.Products.PANEL;

import java.util.Arrays;
import org.jresnet.backend.cpu.vector.Scratch.Use;

/**
 * The gradient of the filters of any convolution over whole vectors of channels, summed directly:
 * {@code dw[k][c][r][s] = Σ dy[y][x][k]·x[y·stride + r][x·stride + s][c]}. Pixels are packed for
 * each tap, so that a sum runs over many rows of the image, however short they are.
 */
public final class DirectWeights extends FilterGradient {
  /**
   * A convolution.
   *
   * @param n images
   * @param h rows of the input
   * @param w columns of the input
   * @param c channels of the input
   * @param k channels of the output
   * @param rows the window along the rows
   * @param columns the window along the columns
   */
  public record Shape(int n, int h, int w, int c, int k, Window rows, Window columns) {
    int outputRows() {
      return rows.outputs(h);
    }

    int outputColumns() {
      return columns.outputs(w);
    }
  }

  /** Pixels of a chunk, so that workers seldom wait for each other. */
  private static final int CHUNK = 512;

  private static final int RUN = 128;

  private final Shape shape;

  /** Plans the gradient. */
  public DirectWeights(Shape shape, Scratch scratch) {
    super(
        new Sizes(
            shape.rows.size() * shape.columns.size(),
            shape.rows.size() * shape.columns.size(),
            shape.c,
            shape.k,
            shape.n * shape.outputRows(),
            shape.outputColumns()),
        CHUNK,
        RUN,
        true,
        scratch);
    this.shape = shape;
    int columns = Math.max(shape.w + 2 * shape.columns.padding(), shape.outputColumns());
    scratch.reserve(Use.INPUT, columns * Math.max(shape.c, shape.k));
    scratch.reserveBits(Math.max(shape.w * shape.c, shape.outputColumns() * shape.k));
  }

  /** Whether the channels fill whole vectors of this machine. */
  public static boolean suits(int c, int k) {
    return WinogradShape.suits(c, k);
  }

  @Override
  void pack(int worker, Rows x, Rows dy, int band, int tile, float[] v, float[] w) {
    int image = band / shape.outputRows();
    int row = band % shape.outputRows();
    for (int r = 0; r < shape.rows.size(); r++) {
      int from = row * shape.rows.stride() + r * shape.rows.dilation() - shape.rows.padding();
      packInput(worker, x, image, from, r * shape.columns.size(), tile, v);
    }
    float[] d = scratch.get(worker, Use.INPUT);
    int k = shape.k;
    int count = shape.outputColumns();
    dy.get(band * count * k, d, 0, count * k, scratch.bits(worker));
    for (int block = 0; block < k; block += LANES) {
      int to = (block / PANEL * pitch + tile) * PANEL + block % PANEL;
      Pointwise.copy(d, block, k, w, to, PANEL, count);
    }
  }

  /** One row of the input, or of padding, for the taps of one row of the window. */
  private void packInput(
      int worker, Rows x, int image, int row, int firstTap, int tile, float[] into) {
    float[] d = scratch.get(worker, Use.INPUT);
    int c = shape.c;
    int edge = shape.columns.padding() * c;
    int count = shape.w * c;
    Arrays.fill(d, 0, edge, 0);
    if (row < 0 || row >= shape.h) {
      Arrays.fill(d, edge, edge + count, 0);
    } else {
      x.get((image * shape.h + row) * count, d, edge, count, scratch.bits(worker));
    }
    Arrays.fill(d, edge + count, edge + count + edge, 0);
    for (int s = 0; s < shape.columns.size(); s++) {
      for (int block = 0; block < c; block += LANES) {
        Pointwise.copy(
            d,
            s * shape.columns.dilation() * c + block,
            shape.columns.stride() * c,
            into,
            (firstTap + s) * tilePoint + (block / LANES * pitch + tile) * LANES,
            LANES,
            shape.outputColumns());
      }
    }
  }

  @Override
  void finish(float[] sums, int at, int point, float[] taps) {
    int count = shape.rows.size() * shape.columns.size();
    Pointwise.copy(sums, at, point, taps, 0, LANES, count);
  }
}
