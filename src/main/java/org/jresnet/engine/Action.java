package org.jresnet.engine;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jresnet.backend.Phase;

/**
 * One thing that happens in a step.
 *
 * @param kind what happens
 * @param node whose name stands for it in profiles and messages
 * @param unit the group that computes, if one does
 * @param callback the user's code, if it is that
 * @param reads values that it depends on
 * @param writes values that it changes
 */
record Action(
    Kind kind,
    String node,
    Optional<Unit> unit,
    Optional<Callback> callback,
    List<Value> reads,
    List<Value> writes) {
  private static final String EXCHANGE = "bucket ";

  /** What happens. */
  enum Kind {
    /** Weights are packed. */
    PREPARE,
    /** Pixels become the first activation. */
    INPUT,
    /** A group computes its output. */
    FORWARD,
    /** The loss and the gradient of the logits. */
    LOSS,
    /** A group's output is computed once more, because its memory was given to others. */
    RECOMPUTE,
    /** A group computes its gradients. */
    BACKWARD,
    /** What a group's gradients left running beside others is done. */
    JOIN,
    /** The gradients of a bucket are complete; the exchange with other ranks begins. */
    EXCHANGE,
    /** The user's code runs. */
    CALLBACK,
    /** The host may look at what it reads. */
    TAP;

    private static final Set<Kind> OF_GROUPS = Set.of(PREPARE, FORWARD, RECOMPUTE, BACKWARD, JOIN);

    /** The phase of the ops that run then. */
    Phase phase() {
      if (!OF_GROUPS.contains(this)) {
        throw new IllegalStateException("no op runs in " + this);
      }
      return this == RECOMPUTE ? Phase.FORWARD : Phase.valueOf(name());
    }
  }

  static Action of(Kind kind, Unit unit) {
    return new Action(
        kind,
        unit.group().name(),
        Optional.of(unit),
        Optional.empty(),
        unit.reads(kind.phase()),
        unit.writes(kind.phase()));
  }

  static Action of(Kind kind, String name, List<Value> reads, List<Value> writes) {
    return new Action(kind, name, Optional.empty(), Optional.empty(), reads, writes);
  }

  /** Where so many parameters' gradients are complete. */
  static Action exchange(int bucket, List<Value> gradients) {
    return of(Kind.EXCHANGE, EXCHANGE + bucket, gradients, gradients);
  }

  /** Number of the bucket that is exchanged. */
  int bucket() {
    return Integer.parseInt(node.substring(EXCHANGE.length()));
  }

  static Action of(Callback callback, Value value) {
    return new Action(
        Kind.CALLBACK,
        callback.node(),
        Optional.empty(),
        Optional.of(callback),
        List.of(value),
        List.of(value));
  }
}
