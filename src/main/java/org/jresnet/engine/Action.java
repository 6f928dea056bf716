package org.jresnet.engine;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.jresnet.backend.Phase;

/**
 * One thing that happens in a step.
 *
 * @param kind what happens
 * @param node whose name stands for it in profiles and messages
 * @param units the groups that compute, if any do
 * @param callback the user's code, if it is that
 * @param reads values that it depends on
 * @param writes values that it changes
 */
record Action(
    Kind kind,
    String node,
    List<Unit> units,
    Optional<Callback> callback,
    List<Value> reads,
    List<Value> writes) {
  private static final String EXCHANGE = "bucket ";
  private static final String WEIGHTS = "weights";

  /** What happens. */
  enum Kind {
    /** The weights of all groups are packed. */
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
    /** What many groups' gradients still need. */
    FINISH,
    /** The gradients of a bucket are complete; the exchange with other ranks begins. */
    EXCHANGE,
    /** The user's code runs. */
    CALLBACK,
    /** The host may look at what it reads. */
    TAP;

    private static final Set<Kind> OF_GROUPS =
        Set.of(PREPARE, FORWARD, RECOMPUTE, BACKWARD, JOIN, FINISH);

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
        List.of(unit),
        Optional.empty(),
        unit.reads(kind.phase()),
        unit.writes(kind.phase()));
  }

  /** What a device may do for several groups at once. */
  static Action together(Kind kind, List<Unit> units) {
    return new Action(
        kind,
        WEIGHTS,
        units,
        Optional.empty(),
        all(units, unit -> unit.reads(kind.phase())),
        all(units, unit -> unit.writes(kind.phase())));
  }

  private static List<Value> all(List<Unit> units, Function<Unit, List<Value>> values) {
    return units.stream().flatMap(unit -> values.apply(unit).stream()).toList();
  }

  /** The group that computes, if it is one. */
  Optional<Unit> unit() {
    return units.size() == 1 ? Optional.of(units.get(0)) : Optional.empty();
  }

  static Action of(Kind kind, String name, List<Value> reads, List<Value> writes) {
    return new Action(kind, name, List.of(), Optional.empty(), reads, writes);
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
        List.of(),
        Optional.of(callback),
        List.of(value),
        List.of(value));
  }
}
