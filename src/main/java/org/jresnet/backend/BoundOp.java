package org.jresnet.backend;

import java.util.List;

/** An op tied to its memory. */
public interface BoundOp extends AutoCloseable {
  /**
   * Called once after parameters have changed and before forward: inference packs and folds weights
   * here.
   */
  default void prepare() {}

  /** Computes Y. */
  void forward();

  /**
   * Computes the gradients that the spec asks for; only in {@link Pass#TRAINING}, after forward.
   */
  void backward();

  /**
   * Waits for what {@link #backward} has left running beside the ops that follow it; see {@link
   * OpPlan#operands}.
   */
  default void join() {}

  /**
   * Completes the gradients of parameters whose last step a device takes for many ops at once;
   * after {@link #join}, and before anybody looks at them.
   */
  default void finish() {}

  /** What each phase runs, in order, for profiles. */
  default List<OpCall> calls() {
    return List.of(
        new OpCall(Phase.PREPARE, "prepare", "java", 0, 0, this::prepare),
        new OpCall(Phase.FORWARD, "forward", "java", 0, 0, this::forward),
        new OpCall(Phase.BACKWARD, "backward", "java", 0, 0, this::backward),
        new OpCall(Phase.FINISH, "finish", "java", 0, 0, this::finish));
  }

  /** An op that runs those calls, by phase and in their order, and closes what it owns. */
  static BoundOp of(List<OpCall> calls, List<? extends AutoCloseable> owned) {
    return new BoundCalls(calls, owned);
  }

  @Override
  void close();
}
