package org.jresnet.distributed;

import java.nio.ByteBuffer;
import java.time.Duration;

/** One process: every sum is there already. */
public final class Solo implements Communicator {
  /** The only one that is needed. */
  public static final Solo INSTANCE = new Solo();

  private static final Reduction NOTHING =
      new Reduction() {
        @Override
        public void start() {}

        @Override
        public boolean done() {
          return true;
        }

        @Override
        public void finish() {}

        @Override
        public void close() {}
      };

  private Solo() {}

  @Override
  public int rank() {
    return 0;
  }

  @Override
  public int size() {
    return 1;
  }

  @Override
  public Duration patience() {
    return Duration.ZERO;
  }

  @Override
  public Reduction reduction(ByteBuffer values, Element element) {
    return NOTHING;
  }

  @Override
  public void sum(double[] values) {}

  @Override
  public void broadcast(ByteBuffer values, int from) {}

  @Override
  public void barrier() {}

  @Override
  public void abort() {}

  @Override
  public void close() {}
}
