package org.jresnet.distributed;

import java.nio.ByteBuffer;
import java.time.Duration;

/** Another communicator, but for what a test overrides. */
public class ForwardingRanks implements Communicator {
  private final Communicator to;

  protected ForwardingRanks(Communicator to) {
    this.to = to;
  }

  @Override
  public int rank() {
    return to.rank();
  }

  @Override
  public int size() {
    return to.size();
  }

  @Override
  public Duration patience() {
    return to.patience();
  }

  @Override
  public Reduction reduction(ByteBuffer values, Element element) {
    return to.reduction(values, element);
  }

  @Override
  public void sum(double[] values) {
    to.sum(values);
  }

  @Override
  public void broadcast(ByteBuffer values, int from) {
    to.broadcast(values, from);
  }

  @Override
  public void barrier() {
    to.barrier();
  }

  @Override
  public void abort() {
    to.abort();
  }

  @Override
  public void close() {
    to.close();
  }

  /** A reduction that does something more when it has its sums. */
  protected static Reduction then(Reduction sum, Runnable more) {
    return new Reduction() {
      @Override
      public void start() {
        sum.start();
      }

      @Override
      public boolean done() {
        return sum.done();
      }

      @Override
      public void finish() {
        sum.finish();
        more.run();
      }

      @Override
      public void close() {
        sum.close();
      }
    };
  }
}
