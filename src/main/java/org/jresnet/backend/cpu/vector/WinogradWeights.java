package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.LANES;
import static org.jresnet.backend.cpu.vector.Products.PANEL;
import static org.jresnet.backend.cpu.vector.Winograd.IN;
import static org.jresnet.backend.cpu.vector.Winograd.OUT;
import static org.jresnet.backend.cpu.vector.Winograd.POINTS;
import static org.jresnet.backend.cpu.vector.Winograd.TAPS;

import java.util.Arrays;
import org.jresnet.backend.cpu.vector.Scratch.Use;

/**
 * The gradient of the filters of a 3x3 convolution with stride 1, as the adjoint of {@link
 * WinogradConv}: {@code Gᵀ·[(Bᵀ·x·B) ⊙ (A·dy·Aᵀ)]·G}, summed over tiles.
 */
public final class WinogradWeights extends FilterGradient {
  /** Tiles of a chunk, so that workers seldom wait for each other. */
  private static final int CHUNK = 224;

  private static final int RUN = 64;

  private final WinogradShape shape;
  private final WinogradTiles tiles;

  /** Plans the gradient. */
  public WinogradWeights(WinogradShape shape, Scratch scratch) {
    super(
        new Sizes(POINTS, TAPS * TAPS, shape.c(), shape.k(), shape.bands(), shape.tiles()),
        CHUNK,
        RUN,
        false,
        scratch);
    this.shape = shape;
    tiles = new WinogradTiles(shape, scratch);
    scratch.reserve(Use.INPUT, OUT * shape.tiles() * OUT * shape.k());
    scratch.reserve(Use.BETWEEN, Math.max(IN * shape.tiles() * OUT, TAPS * (TAPS + IN)) * LANES);
    scratch.reserveBits(shape.columns() * shape.k());
  }

  @Override
  void pack(int worker, Rows x, Rows dy, int band, int tile, float[] v, float[] w) {
    tiles.run(worker, x, band, v, tile, pitch, tilePoint);
    gradients(worker, dy, band, tile, w);
  }

  /** {@code A·dy·Aᵀ} of a band's tiles, {@code [point][panel][tile][PANEL]}. */
  private void gradients(int worker, Rows dy, int band, int tile, float[] into) {
    float[] d = scratch.get(worker, Use.INPUT);
    float[] between = scratch.get(worker, Use.BETWEEN);
    int k = shape.k();
    int width = shape.tiles() * OUT;
    int row = width * k;
    int count = shape.columns() * k;
    int top = shape.row(band);
    int image = shape.image(band) * shape.rows();
    for (int i = 0; i < OUT; i++) {
      if (top + i < shape.rows()) {
        dy.get((image + top + i) * count, d, i * row, count, scratch.bits(worker));
        Arrays.fill(d, i * row + count, (i + 1) * row, 0);
      } else {
        Arrays.fill(d, i * row, (i + 1) * row, 0);
      }
    }
    int line = width * LANES;
    for (int block = 0; block < k; block += LANES) {
      Winograd.gradients(d, block, row, k, between, 0, line, LANES, width);
      int to = (block / PANEL * pitch + tile) * PANEL + block % PANEL;
      for (int i = 0; i < IN; i++) {
        Winograd.gradients(
            between,
            i * line,
            LANES,
            OUT * LANES,
            into,
            to + i * IN * gradientPoint,
            gradientPoint,
            PANEL,
            shape.tiles());
      }
    }
  }

  @Override
  void finish(float[] sums, int at, int point, float[] taps) {
    int between = TAPS * TAPS * LANES;
    int line = IN * LANES;
    Winograd.filterGradients(sums, at, IN * point, point, taps, between, line, LANES, IN);
    Winograd.filterGradients(taps, between, LANES, line, taps, 0, LANES, TAPS * LANES, TAPS);
  }
}
