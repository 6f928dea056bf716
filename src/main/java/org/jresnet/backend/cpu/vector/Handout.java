package org.jresnet.backend.cpu.vector;

import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Work that is handed out in units. Each worker has a stretch, so that what lies side by side is in
 * its caches; then it takes what others have not begun. A worker that starts late, because a thread
 * of oneDNN's still waits for work on its core, is given less.
 */
public final class Handout {
  private final AtomicIntegerArray next;
  private final int count;
  private final int unit;

  /**
   * Plans it.
   *
   * @param count of what is to be done
   * @param unit of it that is taken at a time
   */
  public Handout(int workers, int count, int unit) {
    next = new AtomicIntegerArray(workers);
    this.count = count;
    this.unit = unit;
  }

  /** Begins again; to be called before the workers take. */
  public void start() {
    for (int worker = 0; worker < next.length(); worker++) {
      next.set(worker, begin(worker));
    }
  }

  /** The first of the unit that is this worker's now, or −1 where nothing is left. */
  public int take(int worker) {
    for (int i = 0; i < next.length(); i++) {
      int of = (worker + i) % next.length();
      int first = next.get(of) < begin(of + 1) ? next.getAndAdd(of, unit) : count;
      if (first < begin(of + 1)) {
        return first;
      }
    }
    return -1;
  }

  /** What comes behind the unit that begins there. */
  public int end(int first) {
    int worker = 0;
    while (first >= begin(worker + 1)) {
      worker++;
    }
    return Math.min(first + unit, begin(worker + 1));
  }

  private int begin(int worker) {
    return (int) ((long) count * worker / next.length());
  }
}
