package org.jresnet.engine;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jresnet.backend.Operand;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Phase;
import org.jresnet.backend.TensorSpec;
import org.jresnet.engine.Action.Kind;
import org.jresnet.engine.Value.Life;
import org.jresnet.graph.DType;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Slot;

/**
 * Everything that happens in a step, in order, with what it reads and writes. Memory, running,
 * profiles, recording and the search for values that are not finite are loops over it.
 */
final class Schedule {
  /** A stretch of groups, both ends included, whose outputs are computed again in backward. */
  record Segment(int first, int last) {}

  /**
   * What computes.
   *
   * @param all in forward order
   * @param plans one per group
   * @param packer a schedule of the same groups whose packed weights serve this one, too; or null
   */
  record Groups(List<Group> all, Plans plans, Schedule packer) {}

  private final Graph network;
  private final Model model;
  private final CompileOptions options;
  private final List<Group> groups;
  private final Plans plans;
  private final Schedule packer;
  private final List<Action> actions = new ArrayList<>();
  private final Map<Integer, Value> outputs = new HashMap<>();
  private final Map<Integer, Value> gradients = new HashMap<>();
  private final Map<Integer, Value> sums = new HashMap<>();
  private final Map<String, Value> parameters = new HashMap<>();
  private final Keys keys;
  private final List<Unit> units = new ArrayList<>();
  private final Value scratch;
  private final Value aside;
  private Optional<Unit> running = Optional.empty();

  /**
   * Lays out a step.
   *
   * @param network as the pass computes it; its nodes are those of the groups
   */
  Schedule(Graph network, Model model, CompileOptions options, Groups computing, Keys keys) {
    this.network = network;
    this.model = model;
    this.options = options;
    this.keys = keys;
    groups = computing.all;
    plans = computing.plans;
    packer = computing.packer;
    scratch = new Value("scratch", DType.U8, plans.scratchBytes(), Life.EXECUTABLE);
    aside = new Value("scratch beside", DType.U8, plans.asideBytes(), Life.EXECUTABLE);
    gradients();
    outputs.put(0, activation("the input", groups.get(0).spec().inputs().get(0)));
    for (int g = 0; g < groups.size(); g++) {
      units.add(unit(g, outputs, Kind.FORWARD));
    }
    actions.add(Action.together(Kind.PREPARE, units));
    actions.add(Action.of(Kind.INPUT, "input", List.of(), List.of(outputs.get(0))));
    callbacks(0, Callback.What.OUTPUT, outputs);
    for (Unit unit : units) {
      actions.add(Action.of(Kind.FORWARD, unit));
      callbacks(unit.group().y(), Callback.What.OUTPUT, outputs);
    }
    if (options.pass() == Pass.TRAINING) {
      actions.add(Action.of(Kind.LOSS, "loss", List.of(logits()), List.of(logitGradient())));
      backward(Checkpoints.segments(groups, options.checkpointBlocks()));
    }
    if (options.exchange().isPresent()) {
      exchange(options.exchange().get());
    } else {
      finish(actions.size(), unit -> true);
    }
    List<Value> seen = new ArrayList<>(List.of(logits()));
    options.watch().outputs().forEach(node -> seen.add(output(node)));
    options.watch().gradients().forEach(node -> seen.add(gradient(node)));
    actions.add(Action.of(Kind.TAP, "taps", seen, List.of()));
  }

  /** Gradients of activations come into being in backward order. */
  private void gradients() {
    if (options.pass() == Pass.TRAINING) {
      Group last = groups.get(groups.size() - 1);
      gradients.put(last.y(), gradientOf(last.y(), last.spec().output()));
    }
    for (int g = groups.size() - 1; g >= 0; g--) {
      Group group = groups.get(g);
      if (group.spec().pass() != Pass.TRAINING) {
        continue;
      }
      Value dy = gradients.computeIfAbsent(group.y(), y -> gradientOf(y, group.spec().output()));
      for (Operand operand : group.spec().operands()) {
        int input = input(operand.slot().gradientOf().orElse(operand.slot()));
        if (!operand.writes().contains(Phase.BACKWARD) || input < 0) {
          continue;
        }
        // Nobody reads dy after its group's backward, unless it is watched.
        boolean over =
            operand.over().isPresent()
                && !options.watch().gradients().contains(group.last().name());
        int node = group.inputs().get(input);
        TensorSpec tensor = group.spec().inputs().get(input);
        gradients.computeIfAbsent(node, n -> over ? dy : gradientOf(n, tensor));
      }
    }
  }

  private Value gradientOf(int node, TensorSpec tensor) {
    return activation("the gradient of the output of " + name(node), tensor);
  }

  private String name(int node) {
    return network.nodes().get(node).name();
  }

  private static Value activation(String name, TensorSpec tensor) {
    return new Value(name, tensor.type(), tensor.shape().elements(), Life.STEP);
  }

  /** Number of the input in that role, or -1. */
  private static int input(Slot slot) {
    return slot.kind() != Slot.Kind.INPUT ? -1 : slot.index();
  }

  /** Gives every operand of a group its value; the output's is new where {@code made} lacks it. */
  private Unit unit(int g, Map<Integer, Value> made, Kind kind) {
    Group group = groups.get(g);
    Map<Slot, Value> values = new TreeMap<>();
    for (Operand operand : plans.get(g).operands()) {
      Slot slot = operand.slot();
      Value value =
          switch (slot.kind()) {
            case INPUT -> made.get(group.inputs().get(input(slot)));
            case OUTPUT -> {
              Value fresh =
                  operand.over().isPresent()
                      ? values.get(operand.over().get())
                      : activation("the output of " + group.name(), group.spec().output());
              yield made.computeIfAbsent(group.y(), y -> fresh);
            }
            case PARAMETER -> parameter(group, slot);
            case STATE ->
                kind == Kind.RECOMPUTE && !operand.writes().isEmpty()
                    // It has moved on in forward; what it would become now is thrown away.
                    ? new Value(
                        "discarded " + slot.id(), operand.type(), operand.elements(), Life.STEP)
                    : parameter(group, slot);
            case GRADIENT -> gradientValue(group, slot);
            case SUMS -> sums(slot == Slot.Y_SUMS ? group.y() : group.inputs().get(0), operand);
            case KEY -> keys.value(group);
            case EXTRA -> extra(g, operand);
          };
      values.put(slot, value);
    }
    return new Unit(group, plans.get(g), values);
  }

  /** What is computed again in backward comes with the same sums. */
  private Value sums(int node, Operand operand) {
    return sums.computeIfAbsent(
        node,
        n ->
            new Value(
                "the sums of the output of " + name(n),
                operand.type(),
                operand.elements(),
                Life.STEP));
  }

  private Value gradientValue(Group group, Slot slot) {
    Slot of = slot.gradientOf().orElseThrow();
    return switch (of.kind()) {
      case OUTPUT -> gradients.get(group.y());
      case INPUT -> gradients.get(group.inputs().get(input(of)));
      default -> {
        String name = parameterOf(group, of).name();
        yield parameters.computeIfAbsent(
            "d" + name, n -> new Value("the gradient of " + name, model.gradient(name)));
      }
    };
  }

  private Value parameter(Group group, Slot slot) {
    String name = parameterOf(group, slot).name();
    return parameters.computeIfAbsent(name, n -> new Value("the parameter " + n, model.tensor(n)));
  }

  private static Parameter parameterOf(Group group, Slot slot) {
    return group.nodes().stream()
        .flatMap((Node n) -> n.parameters().stream())
        .filter(p -> p.role().slot().equals(Optional.of(slot)))
        .findFirst()
        .orElseThrow();
  }

  private Value extra(int g, Operand operand) {
    String name = groups.get(g).name() + " " + operand.slot().id();
    if (operand.slot() == Slot.SCRATCH) {
      return scratch;
    } else if (operand.slot() == Slot.ASIDE) {
      return aside;
    } else if (operand.slot() == Slot.HELD && g < units.size()) {
      return units.get(g).values().get(Slot.HELD);
    } else if (operand.slot() != Slot.PACKED) {
      return new Value(name, operand.type(), operand.elements(), Life.STEP);
    }
    if (packer != null) {
      return packer.units.get(g).values().get(Slot.PACKED);
    }
    return g < units.size()
        ? units.get(g).values().get(Slot.PACKED)
        : new Value(name, operand.type(), operand.elements(), Life.EXECUTABLE);
  }

  private void backward(List<Segment> segments) {
    for (int g = groups.size() - 1; g >= 0; g--) {
      for (Segment segment : segments) {
        if (segment.last == g) {
          recompute(segment);
        }
      }
      if (groups.get(g).spec().pass() == Pass.TRAINING) {
        callbacks(groups.get(g).y(), Callback.What.GRADIENT, gradients);
        Action action = Action.of(Kind.BACKWARD, units.get(g));
        addBeside(action);
        if (units.get(g).runsOn()) {
          running = Optional.of(units.get(g));
        }
      }
    }
    join();
    callbacks(0, Callback.What.GRADIENT, gradients);
  }

  /**
   * One group's gradients at a time run on beside the groups that follow, and nothing changes what
   * they need: before it does, they are waited for.
   */
  private void addBeside(Action action) {
    boolean waits =
        running.isPresent()
            && (action.unit().filter(Unit::runsOn).isPresent()
                || action.kind() == Kind.CALLBACK
                || running.get().reads(Phase.JOIN).stream().anyMatch(action.writes()::contains));
    if (waits) {
      join();
    }
    actions.add(action);
  }

  private void join() {
    running.ifPresent(unit -> actions.add(Action.of(Kind.JOIN, unit)));
    running = Optional.empty();
  }

  /**
   * Each bucket is exchanged after the action that completes its gradients, when nothing runs. What
   * they still need is done for one bucket at a time: to wait for the others would take away the
   * time in which the exchange hides.
   */
  private void exchange(GradientExchange exchange) {
    List<Bucket> buckets = exchange.buckets();
    for (int b = 0; b < buckets.size(); b++) {
      List<Value> gradients =
          buckets.get(b).parameters().stream().map(name -> parameters.get("d" + name)).toList();
      Predicate<Unit> mine = unit -> !Collections.disjoint(unit.writes(Phase.FINISH), gradients);
      List<Value> made = new ArrayList<>(gradients);
      units.stream().filter(mine).forEach(unit -> made.addAll(unit.reads(Phase.FINISH)));
      int last = actions.size() - 1;
      while (Collections.disjoint(actions.get(last).writes(), made)) {
        last--;
      }
      int at = last + 1;
      while (runsBeside(at)) {
        at++;
      }
      at = finish(at, mine);
      actions.add(at, Action.exchange(b, gradients));
    }
  }

  /** What those groups leave to do for many at once, in backward order; says where to go on. */
  private int finish(int at, Predicate<Unit> wanted) {
    List<Unit> left = new ArrayList<>();
    for (Unit unit : units) {
      if (wanted.test(unit) && !unit.writes(Phase.FINISH).isEmpty()) {
        left.add(0, unit);
      }
    }
    if (left.isEmpty()) {
      return at;
    }
    actions.add(at, Action.together(Kind.FINISH, left));
    return at + 1;
  }

  /** Whether a group's gradients are still running when the action at that place would begin. */
  private boolean runsBeside(int at) {
    for (int i = at - 1; i >= 0 && actions.get(i).kind() != Kind.JOIN; i--) {
      Action action = actions.get(i);
      if (action.kind() == Kind.BACKWARD && action.unit().filter(Unit::runsOn).isPresent()) {
        return true;
      }
    }
    return false;
  }

  /** From here on the segment's groups stand for their second computation. */
  private void recompute(Segment segment) {
    Map<Integer, Value> again = new HashMap<>(outputs);
    for (int g = segment.first; g < segment.last; g++) {
      again.remove(groups.get(g).y());
    }
    for (int g = segment.first; g <= segment.last; g++) {
      Unit unit = unit(g, again, Kind.RECOMPUTE);
      units.set(g, unit);
      addBeside(Action.of(Kind.RECOMPUTE, unit));
      callbacks(groups.get(g).y(), Callback.What.OUTPUT, again);
    }
  }

  private void callbacks(int node, Callback.What what, Map<Integer, Value> values) {
    for (Callback callback : options.watch().callbacks()) {
      if (callback.what() == what && callback.node().equals(name(node))) {
        addBeside(Action.of(callback, values.get(node)));
      }
    }
  }

  List<Action> actions() {
    return Collections.unmodifiableList(actions);
  }

  Value input() {
    return outputs.get(0);
  }

  Value logits() {
    return outputs.get(groups.get(groups.size() - 1).y());
  }

  Value logitGradient() {
    return gradients.get(groups.get(groups.size() - 1).y());
  }

  /** The output of a node that is not hidden within a group. */
  Value output(String node) {
    return outputs.get(network.node(node).index());
  }

  /** The gradient of a node's output. */
  Value gradient(String node) {
    return gradients.get(network.node(node).index());
  }
}
