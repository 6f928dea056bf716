package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.LANES;

import java.util.Arrays;
import org.jresnet.backend.cpu.vector.Scratch.Use;

/**
 * The rows of an image that a window covers, as F32 with zeros on both sides. Each row is read
 * once; a later row takes the place of one that the window has left.
 */
final class RowRing {
  private final Scratch scratch;
  private final int rows;
  private final int columns;
  private final int channels;
  private final int before;
  private final int slots;
  private final int pitch;

  /**
   * Plans a ring.
   *
   * @param unit columns of the output that are computed together, perhaps beyond the last
   */
  RowRing(Scratch scratch, Sweep rows, Sweep columns, int channels, int unit) {
    this.scratch = scratch;
    this.rows = rows.inputs;
    this.columns = columns.inputs;
    this.channels = channels;
    before = columns.before() * channels;
    slots = rows.taps();
    // Another vector, because the last pixel's channels may end within one.
    pitch = before + (columns.inputs + columns.after(unit)) * channels + LANES;
    scratch.reserve(Use.INPUT, (slots + 1) * pitch);
    scratch.reserveBits(columns.inputs * channels);
  }

  /** Clears the zeros beside the rows, where another kernel may have written. */
  void start(int worker) {
    Arrays.fill(scratch.get(worker, Use.INPUT), 0, (slots + 1) * pitch, 0);
  }

  /** Where a row's first pixel lies. */
  int at(int row) {
    return row % slots * pitch + before;
  }

  /** Where the first pixel of a row of zeros lies. */
  int zeros() {
    return slots * pitch + before;
  }

  boolean has(int row) {
    return row >= 0 && row < rows;
  }

  /**
   * Reads rows of an image that have not been read.
   *
   * @param next first row that has not been read
   * @param from first row that is needed; may lie outside the image
   * @param to first row that is not
   * @return what is {@code next} then
   */
  int read(int worker, Rows x, int image, int next, int from, int to) {
    int end = Math.min(to, rows);
    int count = columns * channels;
    for (int row = Math.max(next, from); row < end; row++) {
      x.get(
          (image * rows + row) * count,
          scratch.get(worker, Use.INPUT),
          at(row),
          count,
          scratch.bits(worker));
    }
    return Math.max(next, end);
  }
}
