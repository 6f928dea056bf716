package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Depthwise.ROWS;

/** Where three rows of the input and their taps lie, for each worker. */
final class Places {
  private final int[][] places;
  private final int row;
  private final int spare;

  /**
   * Plans them.
   *
   * @param row values from one row of taps to the next
   * @param spare taps of rows that are not there
   */
  Places(int workers, int row, int spare) {
    places = new int[workers][2 * ROWS];
    this.row = row;
    this.spare = spare;
  }

  int[] of(int worker) {
    return places[worker];
  }

  /**
   * Points at three rows, of which those beyond the image or the window are zeros.
   *
   * @param from row of the input under the first tap
   * @param taps rows of the window
   * @param first of the three
   * @return whether there is any row
   */
  boolean place(int worker, RowRing ring, int from, int[] taps, int first) {
    int[] to = places[worker];
    boolean any = false;
    for (int r = 0; r < ROWS; r++) {
      int t = first + r;
      boolean there = t < taps.length && ring.has(from + t);
      any |= there;
      to[r] = there ? ring.at(from + t) : ring.zeros();
      to[ROWS + r] = there ? taps[t] * row : spare;
    }
    return any;
  }

  /** Moves on by so many values. */
  void move(int worker, int values, int taps) {
    int[] to = places[worker];
    for (int r = 0; r < ROWS; r++) {
      to[r] += values;
      to[ROWS + r] += taps;
    }
  }
}
