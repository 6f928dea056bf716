package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.LANES;
import static org.jresnet.backend.cpu.vector.Products.PANEL;
import static org.jresnet.backend.cpu.vector.Products.SUM_ROWS;

import java.util.Arrays;
import org.jresnet.backend.cpu.vector.Scratch.Shared;
import org.jresnet.backend.cpu.vector.Scratch.Use;

/**
 * The gradient of a convolution's filters as matrix products: {@code sums[point][c][k] = Σ
 * v[point][tile][c]·w[point][tile][k]}, from which a filter's taps follow. What a tile and a point
 * are, a subclass says.
 *
 * <p>Where the sums are few, each worker adds up its own bands, and the workers' sums are added at
 * the end, in the order of workers: what one core has packed, another would have to fetch from that
 * core's cache. Where the sums are many, workers pack a chunk of bands together, and each
 * multiplies its share of channels and filters. Either way the bits depend on the shape and the
 * number of workers alone.
 */
public abstract class FilterGradient implements WeightGradient {
  /**
   * What is summed.
   *
   * @param points products of a tile
   * @param taps of a filter
   * @param c channels of the input
   * @param k channels of the output
   * @param bands rows of tiles, in all images
   * @param tiles of a band
   */
  record Sizes(int points, int taps, int c, int k, int bands, int tiles) {
    int panels() {
      return (k + PANEL - 1) / PANEL;
    }
  }

  /** Sums of one point, {@link Products#SUM_ROWS} channels and a panel of filters. */
  private static final int BLOCK = SUM_ROWS * PANEL;

  /** Sums, in values, that each worker can have for itself: those of 256 channels and filters. */
  private static final long MOST_APART = 4 << 20;

  /** The same for all workers together: 128 MB. */
  private static final long MOST_SUMS = 32 << 20;

  final Scratch scratch;

  /** Tiles of a chunk. */
  final int pitch;

  /** Values from one point's tiles to the next point's. */
  final int tilePoint;

  /** Values from one point's gradients to the next point's; 0 if all points share them. */
  final int gradientPoint;

  private final Sizes sizes;

  /** Tiles that are multiplied with all channels while their gradients are in the second cache. */
  private final int run;

  /** Sums of all points in a block of each. */
  private final int unit;

  private final int units;

  /** Values from one point's sums to the next point's, where each worker has its own. */
  private final int sumPoint;

  /** Whether each worker has its own sums. */
  private final boolean apart;

  /** Whether shared sums of all units are kept, because no unit sees all tiles at once. */
  private final boolean kept;

  /** Bands of a chunk. */
  private final int chunk;

  FilterGradient(Sizes sizes, int chunkTiles, int run, boolean sharesGradients, Scratch scratch) {
    this.sizes = sizes;
    this.scratch = scratch;
    this.run = run;
    int workers = scratch.workers();
    unit = sizes.points * BLOCK;
    units = sizes.panels() * (sizes.c / SUM_ROWS);
    apart = workers > 1 && (long) units * unit <= Math.min(MOST_APART, MOST_SUMS / workers);
    int share = apart ? (sizes.bands + workers - 1) / workers : sizes.bands;
    chunk = Math.min(share, Math.max(1, chunkTiles / sizes.tiles));
    pitch = chunk * sizes.tiles;
    // Another vector, because a distance of a power of two would use one set of the cache.
    tilePoint = pitch * sizes.c + LANES;
    int gradients = pitch * sizes.panels() * PANEL + LANES;
    gradientPoint = sharesGradients ? 0 : gradients;
    sumPoint = units * BLOCK + LANES;
    kept = pitch > run || chunk < sizes.bands;
    int tiles = sizes.points * tilePoint;
    int allGradients = sharesGradients ? gradients : sizes.points * gradients;
    if (apart) {
      scratch.reserve(Use.TILES, tiles);
      scratch.reserve(Use.GRADIENTS, allGradients);
      scratch.reserve(Use.SUMS, sizes.points * sumPoint);
      scratch.reserve(Use.PRODUCTS, unit);
    } else {
      scratch.reserve(Shared.TILES, tiles);
      scratch.reserve(Shared.GRADIENTS, allGradients);
      scratch.reserve(Shared.SUMS, (kept ? units : workers) * unit);
    }
    scratch.reserve(Use.FILTERS, PANEL * sizes.c * sizes.taps);
    scratch.reserve(Use.BETWEEN, sizes.taps * LANES);
  }

  /** Writes a band's tiles to {@code v} and its gradients to {@code w}, from that tile on. */
  abstract void pack(int worker, Rows x, Rows dy, int band, int tile, float[] v, float[] w);

  /**
   * A vector of filters' taps from their sums.
   *
   * @param at first point
   * @param point values from one point to the next
   * @param taps a vector for each tap, at the start; the rest is free
   */
  abstract void finish(float[] sums, int at, int point, float[] taps);

  @Override
  public final void run(int worker, Rows x, Rows dy, Rows dw, Runnable meet) {
    if (apart) {
      runApart(worker, x, dy, dw, meet);
      return;
    }
    int workers = scratch.workers();
    float[] v = scratch.get(Shared.TILES);
    float[] w = scratch.get(Shared.GRADIENTS);
    for (int first = 0; first < sizes.bands; first += chunk) {
      int count = Math.min(chunk, sizes.bands - first);
      for (int b = count * worker / workers; b < count * (worker + 1) / workers; b++) {
        pack(worker, x, dy, first + b, b * sizes.tiles, v, w);
      }
      meet.run();
      boolean last = first + count == sizes.bands;
      multiply(worker, count * sizes.tiles, first == 0, last, dw);
      meet.run();
    }
  }

  private void runApart(int worker, Rows x, Rows dy, Rows dw, Runnable meet) {
    int workers = scratch.workers();
    float[] v = scratch.get(worker, Use.TILES);
    float[] w = scratch.get(worker, Use.GRADIENTS);
    float[] sums = scratch.get(worker, Use.SUMS);
    Arrays.fill(sums, 0, sizes.points * sumPoint, 0);
    int end = sizes.bands * (worker + 1) / workers;
    for (int first = sizes.bands * worker / workers; first < end; first += chunk) {
      int count = Math.min(chunk, end - first);
      for (int b = 0; b < count; b++) {
        pack(worker, x, dy, first + b, b * sizes.tiles, v, w);
      }
      for (int point = 0; point < sizes.points; point++) {
        addPoint(point, v, w, count * sizes.tiles, sums);
      }
    }
    meet.run();
    addUp(worker, dw);
  }

  /** A point's product over a chunk: its tiles, gradients and sums stay in the second cache. */
  private void addPoint(int point, float[] v, float[] w, int count, float[] sums) {
    int rows = sizes.c / SUM_ROWS;
    for (int panel = 0; panel < sizes.panels(); panel++) {
      for (int tile = 0; tile < count; tile += run) {
        int tiles = Math.min(run, count - tile);
        for (int row = 0; row < rows; row++) {
          int to = point * sumPoint + (panel * rows + row) * BLOCK;
          add(point, row * SUM_ROWS, panel, tile, tiles, v, w, sums, to);
        }
      }
    }
  }

  /** Adds up all workers' sums of this worker's units. */
  private void addUp(int worker, Rows dw) {
    float[] total = scratch.get(worker, Use.PRODUCTS);
    int rows = sizes.c / SUM_ROWS;
    int end = units * (worker + 1) / scratch.workers();
    for (int from = units * worker / scratch.workers(); from < end; ) {
      int panel = from / rows;
      int to = Math.min(end, (panel + 1) * rows);
      int length = (to - from) * SUM_ROWS * sizes.taps;
      for (int u = from; u < to; u++) {
        for (int point = 0; point < sizes.points; point++) {
          int at = point * sumPoint + u * BLOCK;
          System.arraycopy(scratch.get(0, Use.SUMS), at, total, point * BLOCK, BLOCK);
          for (int other = 1; other < scratch.workers(); other++) {
            Pointwise.add(total, point * BLOCK, scratch.get(other, Use.SUMS), at, BLOCK);
          }
        }
        finish(worker, total, 0, (u - from) * SUM_ROWS, length);
      }
      write(worker, panel * PANEL, from % rows * SUM_ROWS, length, dw);
      from = to;
    }
  }

  /** Multiplies a chunk's tiles for a worker's units, and finishes them after the last chunk. */
  private void multiply(int worker, int count, boolean first, boolean last, Rows dw) {
    float[] v = scratch.get(Shared.TILES);
    float[] w = scratch.get(Shared.GRADIENTS);
    float[] sums = scratch.get(Shared.SUMS);
    int rows = sizes.c / SUM_ROWS;
    int end = units * (worker + 1) / scratch.workers();
    for (int from = units * worker / scratch.workers(); from < end; ) {
      int panel = from / rows;
      int to = Math.min(end, (panel + 1) * rows);
      int length = (to - from) * SUM_ROWS * sizes.taps;
      for (int tile = 0; tile < count; tile += run) {
        int tiles = Math.min(run, count - tile);
        for (int u = from; u < to; u++) {
          int sum = (kept ? u : worker) * unit;
          if (first && tile == 0) {
            Arrays.fill(sums, sum, sum + unit, 0);
          }
          int channel = u % rows * SUM_ROWS;
          for (int point = 0; point < sizes.points; point++) {
            add(point, channel, panel, tile, tiles, v, w, sums, sum + point * BLOCK);
          }
          if (last && tile + tiles == count) {
            finish(worker, sums, sum, (u - from) * SUM_ROWS, length);
          }
        }
      }
      if (last) {
        write(worker, panel * PANEL, from % rows * SUM_ROWS, length, dw);
      }
      from = to;
    }
  }

  /** Adds one point's product of some channels, a panel and a run of tiles. */
  private void add(
      int point,
      int channel,
      int panel,
      int tile,
      int tiles,
      float[] v,
      float[] w,
      float[] sums,
      int to) {
    int from = point * tilePoint + (channel / LANES * pitch + tile) * LANES + channel % LANES;
    int gradient = point * gradientPoint + (panel * pitch + tile) * PANEL;
    Products.accumulate(v, from, w, gradient, tiles, sums, to);
  }

  /** Puts a unit's taps where they lie in a panel's filters. */
  private void finish(int worker, float[] sums, int sum, int channel, int length) {
    float[] g = scratch.get(worker, Use.FILTERS);
    float[] taps = scratch.get(worker, Use.BETWEEN);
    for (int half = 0; half < PANEL; half += LANES) {
      for (int c = 0; c < SUM_ROWS; c++) {
        finish(sums, sum + c * PANEL + half, BLOCK, taps);
        int to = half * length + (channel + c) * sizes.taps;
        scatter(taps, sizes.taps, g, to, length);
      }
    }
  }

  private static void scatter(float[] taps, int count, float[] g, int to, int length) {
    for (int lane = 0; lane < LANES; lane++) {
      for (int i = 0; i < count; i++) {
        g[to + lane * length + i] = taps[i * LANES + lane];
      }
    }
  }

  private void write(int worker, int filter, int channel, int length, Rows dw) {
    float[] g = scratch.get(worker, Use.FILTERS);
    for (int lane = 0; lane < PANEL && filter + lane < sizes.k; lane++) {
      int to = ((filter + lane) * sizes.c + channel) * sizes.taps;
      dw.put(to, g, lane * length, length, null);
    }
  }
}
