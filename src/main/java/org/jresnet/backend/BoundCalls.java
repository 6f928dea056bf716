package org.jresnet.backend;

import java.util.List;
import org.jresnet.base.Closing;

/** An op as three fixed lists of calls over its memory, sorted once by phase. */
final class BoundCalls implements BoundOp {
  private final List<OpCall> all;
  private final List<? extends AutoCloseable> owned;
  private final Runnable[] prepare;
  private final Runnable[] forward;
  private final Runnable[] backward;
  private final Runnable[] join;
  private final Runnable[] finish;

  BoundCalls(List<OpCall> calls, List<? extends AutoCloseable> owned) {
    all = List.copyOf(calls);
    this.owned = owned;
    prepare = bodies(Phase.PREPARE);
    forward = bodies(Phase.FORWARD);
    backward = bodies(Phase.BACKWARD);
    join = bodies(Phase.JOIN);
    finish = bodies(Phase.FINISH);
  }

  private Runnable[] bodies(Phase phase) {
    return all.stream().filter(c -> c.phase() == phase).map(OpCall::body).toArray(Runnable[]::new);
  }

  @Override
  public List<OpCall> calls() {
    return all;
  }

  @Override
  public void prepare() {
    run(prepare);
  }

  @Override
  public void forward() {
    run(forward);
  }

  @Override
  public void backward() {
    run(backward);
  }

  @Override
  public void join() {
    run(join);
  }

  @Override
  public void finish() {
    run(finish);
  }

  private static void run(Runnable[] calls) {
    for (Runnable call : calls) {
      call.run();
    }
  }

  @Override
  public void close() {
    Closing.closeAll(owned);
  }
}
