package org.jresnet.engine;

import org.jresnet.backend.DeviceRanks;

/** Values that are added up over ranks together. */
interface ExchangePart extends AutoCloseable {
  /** Begins, when the work that was asked for so far is done. */
  void start();

  /** Waits on the host where the result comes through it. */
  void await();

  /** What is asked for from here on sees the result. */
  void finish();

  /** Bytes that a rank gives away. */
  long bytes();

  @Override
  void close();

  /** A sum that devices make among themselves, for which no host waits. */
  record OnDevices(DeviceRanks.Sum sum) implements ExchangePart {
    @Override
    public void start() {
      sum.start();
    }

    @Override
    public void await() {}

    @Override
    public void finish() {
      sum.finish();
    }

    @Override
    public long bytes() {
      return sum.bytes();
    }

    @Override
    public void close() {
      sum.close();
    }
  }
}
