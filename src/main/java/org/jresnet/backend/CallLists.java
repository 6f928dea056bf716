package org.jresnet.backend;

import java.util.List;

/** The calls of a prepared op, sorted once into the three lists that it runs. */
public final class CallLists {
  private final List<OpCall> all;
  private final Runnable[] prepare;
  private final Runnable[] forward;
  private final Runnable[] backward;

  /** Sorts calls by phase; within a phase they keep their order. */
  public CallLists(List<OpCall> calls) {
    all = List.copyOf(calls);
    prepare = bodies(Phase.PREPARE);
    forward = bodies(Phase.FORWARD);
    backward = bodies(Phase.BACKWARD);
  }

  private Runnable[] bodies(Phase phase) {
    return all.stream().filter(c -> c.phase() == phase).map(OpCall::body).toArray(Runnable[]::new);
  }

  /** All calls. */
  public List<OpCall> all() {
    return all;
  }

  /** Runs those of {@link BoundOp#prepare}. */
  public void prepare() {
    run(prepare);
  }

  /** Runs those of {@link BoundOp#forward}. */
  public void forward() {
    run(forward);
  }

  /** Runs those of {@link BoundOp#backward}. */
  public void backward() {
    run(backward);
  }

  private static void run(Runnable[] calls) {
    for (Runnable call : calls) {
      call.run();
    }
  }
}
