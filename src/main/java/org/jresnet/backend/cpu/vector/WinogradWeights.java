package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.LANES;
import static org.jresnet.backend.cpu.vector.Products.PANEL;
import static org.jresnet.backend.cpu.vector.Products.SUM_ROWS;
import static org.jresnet.backend.cpu.vector.Winograd.IN;
import static org.jresnet.backend.cpu.vector.Winograd.OUT;
import static org.jresnet.backend.cpu.vector.Winograd.POINTS;
import static org.jresnet.backend.cpu.vector.Winograd.TAPS;

import java.util.Arrays;
import org.jresnet.backend.cpu.vector.Scratch.Shared;
import org.jresnet.backend.cpu.vector.Scratch.Use;

/**
 * The gradient of the filters of a 3x3 convolution with stride 1, as the adjoint of {@link
 * WinogradConv}. Workers transform a chunk of bands together, then each multiplies its share of
 * channels and filters; the order of a sum depends on the shape alone.
 */
public final class WinogradWeights {
  private static final int SIZE = TAPS * TAPS;

  /** Tiles of a chunk at least, so that workers seldom wait for each other. */
  private static final int TILES = 224;

  /** Tiles that are multiplied with all channels while their gradients are in the second cache. */
  private static final int RUN = 64;

  /** Sums of a unit: {@link Products#SUM_ROWS} channels and a panel of filters. */
  private static final int UNIT = POINTS * SUM_ROWS * PANEL;

  private final WinogradShape shape;
  private final Scratch scratch;
  private final WinogradTiles tiles;

  /** Whether sums of all units are kept, because no unit sees all tiles at once. */
  private final boolean kept;

  private final int bands;
  private final int pitch;
  private final int tilePoint;
  private final int gradientPoint;

  /** Plans the gradient. */
  public WinogradWeights(WinogradShape shape, Scratch scratch) {
    this.shape = shape;
    this.scratch = scratch;
    tiles = new WinogradTiles(shape, scratch);
    bands = Math.min(shape.bands(), Math.max(1, TILES / shape.tiles()));
    pitch = bands * shape.tiles();
    tilePoint = pitch * shape.c() + LANES;
    gradientPoint = pitch * shape.panels() * PANEL + LANES;
    scratch.reserve(Shared.TILES, POINTS * tilePoint);
    scratch.reserve(Shared.GRADIENTS, POINTS * gradientPoint);
    kept = pitch > RUN || bands < shape.bands();
    int units = shape.panels() * (shape.c() / SUM_ROWS);
    scratch.reserve(Shared.SUMS, (kept ? units : scratch.workers()) * UNIT);
    scratch.reserve(Use.INPUT, OUT * shape.tiles() * OUT * shape.k());
    scratch.reserve(Use.BETWEEN, IN * shape.tiles() * OUT * LANES);
    scratch.reserve(Use.FILTERS, LANES * SUM_ROWS * SIZE);
    scratch.reserveBits(shape.columns() * shape.k());
  }

  /**
   * Computes a worker's share; all workers must call it at the same time.
   *
   * @param dw torch's {@code [out][in][3][3]}
   * @param meet returns when every worker has called it
   */
  public void run(int worker, Rows x, Rows dy, Rows dw, Runnable meet) {
    int workers = scratch.workers();
    float[] sums = scratch.get(Shared.SUMS);
    for (int first = 0; first < shape.bands(); first += bands) {
      int count = Math.min(bands, shape.bands() - first);
      for (int b = count * worker / workers; b < count * (worker + 1) / workers; b++) {
        tiles.run(
            worker, x, first + b, scratch.get(Shared.TILES), b * shape.tiles(), pitch, tilePoint);
        gradients(worker, dy, first + b, b * shape.tiles());
      }
      meet.run();
      boolean last = first + count == shape.bands();
      multiply(worker, sums, count * shape.tiles(), first == 0, last, dw);
      meet.run();
    }
  }

  /** Multiplies a chunk's tiles for a worker's units, and finishes them after the last chunk. */
  private void multiply(int worker, float[] sums, int count, boolean first, boolean last, Rows dw) {
    int rows = shape.c() / SUM_ROWS;
    int units = shape.panels() * rows;
    int end = units * (worker + 1) / scratch.workers();
    for (int from = units * worker / scratch.workers(); from < end; ) {
      int panel = from / rows;
      int to = Math.min(end, (panel + 1) * rows);
      for (int tile = 0; tile < count; tile += RUN) {
        int run = Math.min(RUN, count - tile);
        for (int unit = from; unit < to; unit++) {
          int sum = (kept ? unit : worker) * UNIT;
          if (first && tile == 0) {
            Arrays.fill(sums, sum, sum + UNIT, 0);
          }
          add(unit % rows * SUM_ROWS, panel, tile, run, sums, sum);
          if (last && tile + run == count) {
            finish(worker, sums, sum, unit % rows * SUM_ROWS, panel * PANEL, dw);
          }
        }
      }
      from = to;
    }
  }

  private void add(int channel, int panel, int tile, int run, float[] sums, int sum) {
    float[] v = scratch.get(Shared.TILES);
    float[] w = scratch.get(Shared.GRADIENTS);
    int from = (channel / LANES * pitch + tile) * LANES + channel % LANES;
    int gradient = (panel * pitch + tile) * PANEL;
    for (int point = 0; point < POINTS; point++) {
      Products.accumulate(
          v,
          point * tilePoint + from,
          w,
          point * gradientPoint + gradient,
          run,
          sums,
          sum + point * SUM_ROWS * PANEL);
    }
  }

  /** {@code A·dy·Aᵀ} of a band's tiles, {@code [point][panel][tile][PANEL]}. */
  private void gradients(int worker, Rows dy, int band, int tile) {
    float[] d = scratch.get(worker, Use.INPUT);
    float[] between = scratch.get(worker, Use.BETWEEN);
    float[] into = scratch.get(Shared.GRADIENTS);
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

  /** {@code Gᵀ·u·G} of a unit, written to its filters' taps. */
  private void finish(int worker, float[] sums, int sum, int channel, int filter, Rows dw) {
    float[] g = scratch.get(worker, Use.FILTERS);
    float[] taps = scratch.get(worker, Use.BETWEEN);
    int between = SIZE * LANES;
    int row = SUM_ROWS * SIZE;
    int point = SUM_ROWS * PANEL;
    int line = IN * LANES;
    for (int half = 0; half < PANEL && filter + half < shape.k(); half += LANES) {
      for (int c = 0; c < SUM_ROWS; c++) {
        int at = sum + c * PANEL + half;
        Winograd.filterGradients(sums, at, IN * point, point, taps, between, line, LANES, IN);
        Winograd.filterGradients(taps, between, LANES, line, taps, 0, LANES, TAPS * LANES, TAPS);
        for (int lane = 0; lane < LANES; lane++) {
          for (int i = 0; i < SIZE; i++) {
            g[lane * row + c * SIZE + i] = taps[i * LANES + lane];
          }
        }
      }
      for (int lane = 0; lane < LANES; lane++) {
        int to = ((filter + half + lane) * shape.c() + channel) * SIZE;
        dw.put(to, g, lane * row, row, null);
      }
    }
  }
}
