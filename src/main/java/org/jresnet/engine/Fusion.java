package org.jresnet.engine;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jresnet.backend.Backend;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.backend.TensorSpec;
import org.jresnet.base.UserError;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Op;
import org.jresnet.graph.Op.Int8;
import org.jresnet.graph.Op.Part;
import org.jresnet.graph.Rewrite;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;

/**
 * From nodes to groups with op specs, by what the ops say of themselves: a batch norm takes a
 * following residual addition and ReLU with it; in inference the convolution takes the batch norm,
 * too. In training a backend may do more as one, {@link Backend#fuses}. How gradients are written
 * follows from who needs which and from the backward order: the first writer overwrites, later ones
 * add.
 */
final class Fusion {
  private final Graph graph;
  private final CompileOptions options;
  private final Precision precision;
  private final Function<OpSpec, Support> fuses;
  private final List<Shape> shapes;

  /** Nodes whose outputs come with their sums. */
  private final Set<Integer> summed = new HashSet<>();

  private final Map<String, List<String>> refusals = new TreeMap<>();
  private final boolean[] needsGradient;
  private final Set<Integer> gradientWritten = new HashSet<>();

  private Fusion(
      Graph graph, CompileOptions options, Precision precision, Function<OpSpec, Support> fuses) {
    this.fuses = fuses;
    this.graph = graph;
    this.options = options;
    this.precision = precision;
    this.shapes = graph.shapes(options.batch(), options.height(), options.width());
    this.needsGradient = new boolean[graph.nodes().size()];
  }

  /**
   * The network as that pass computes it: what does nothing in evaluation is not there; in training
   * an op whose gradient cannot be added to that of the input's other consumers has a copy.
   */
  static Graph simplified(Graph graph, CompileOptions options) {
    if (options.pass() == Pass.TRAINING) {
      Set<String> sharing =
          graph.nodes().stream()
              .filter(node -> !node.op().accumulates())
              .filter(node -> graph.consumers(node.inputs().get(0)).size() > 1)
              .map(Node::name)
              .collect(Collectors.toSet());
      return sharing.isEmpty() ? graph : Rewrite.withOwnInputs(graph, sharing);
    }
    Set<String> idle =
        graph.nodes().stream()
            .filter(node -> node.op().draws())
            .map(Node::name)
            .filter(name -> !options.watch().output(name))
            .filter(name -> !name.equals(graph.output().name()))
            .collect(Collectors.toSet());
    return idle.isEmpty() ? graph : Rewrite.without(graph, idle);
  }

  /** Groups in forward order. */
  static List<Group> groups(Graph graph, CompileOptions options, Precision precision) {
    return groups(graph, options, precision, more -> Support.no("no backend was asked"));
  }

  /** The same on a backend that does more as one in training, {@link Backend#fuses}. */
  static List<Group> groups(
      Graph graph, CompileOptions options, Precision precision, Function<OpSpec, Support> fuses) {
    return new Fusion(graph, options, precision, fuses).run();
  }

  /** What a backend's {@code fuses} refused, and why, by the convolution's name. */
  static Map<String, List<String>> refusals(
      Graph graph, CompileOptions options, Precision precision, Function<OpSpec, Support> fuses) {
    Fusion fusion = new Fusion(graph, options, precision, fuses);
    fusion.run();
    return fusion.refusals;
  }

  private List<Group> run() {
    if (precision == Precision.INT8 && options.pass() == Pass.TRAINING) {
      throw new UserError("int8 is for inference; train in fp32 or bf16");
    }
    for (Node node : graph.nodes()) {
      needsGradient[node.index()] =
          options.pass() == Pass.TRAINING
              && (trains(node) || options.watch().gradient(node.name()) || passesGradient(node));
      requireTrainable(node);
    }
    List<List<Node>> chains = chains();
    List<Group> groups = new ArrayList<>();
    for (int i = chains.size() - 1; i >= 0; i--) {
      groups.add(0, group(chains.get(i)));
    }
    return groups;
  }

  /** Whether an input that needs a gradient gets one. */
  private boolean passesGradient(Node node) {
    for (int i = 0; i < node.inputs().size(); i++) {
      if (needsGradient[node.inputs().get(i)] && node.op().differentiates(i)) {
        return true;
      }
    }
    return false;
  }

  /** Nodes that are computed together, ordered by their last node. */
  private List<List<Node>> chains() {
    Set<Node> taken = new HashSet<>();
    List<List<Node>> chains = new ArrayList<>();
    for (Node node : graph.nodes()) {
      if (node.inputs().isEmpty() || taken.contains(node)) {
        continue;
      }
      List<Node> chain = new ArrayList<>(List.of(node));
      for (Part part : node.op().takes(options.pass() == Pass.INFERENCE)) {
        Optional<Node> next = successor(chain, part);
        next.ifPresent(chain::add);
        if (next.isEmpty() && part == Part.NORM) {
          break;
        }
      }
      if (options.pass() == Pass.TRAINING) {
        takeConvolution(chain);
        sum(chain);
      }
      taken.addAll(chain);
      chains.add(chain);
    }
    chains.sort(Comparator.comparingInt(chain -> last(chain).index()));
    return chains;
  }

  /**
   * A norm and its activation go with the convolution behind them, if the norm gets sums: else it
   * would have to read its input by itself.
   */
  private void takeConvolution(List<Node> chain) {
    Node head = chain.get(0);
    boolean suits =
        head.op().part() == Part.NORM
            && chain.size() == 2
            && last(chain).op().part() == Part.ACTIVATION
            && summed.contains(head.inputs().get(0));
    Optional<Node> next = suits ? successor(chain, Part.CONVOLUTION) : Optional.empty();
    if (next.isPresent()) {
      List<Node> longer = new ArrayList<>(chain);
      longer.add(next.get());
      if (fuses(longer)) {
        chain.add(next.get());
      }
    }
  }

  /** A convolution before a norm that trains sums what it writes. */
  private void sum(List<Node> chain) {
    Node end = last(chain);
    if (end.op().part() != Part.CONVOLUTION || !feedsNorm(end)) {
      return;
    }
    if (chain.size() > 1 || fuses(chain)) {
      summed.add(end.index());
    }
  }

  private boolean feedsNorm(Node node) {
    List<Node> consumers = graph.consumers(node.index());
    return consumers.size() == 1
        && consumers.get(0).op().part() == Part.NORM
        && mode(consumers.get(0)) == Mode.TRAIN;
  }

  /** Asks the backend for that much as one, with sums of the output if a norm wants them. */
  private boolean fuses(List<Node> chain) {
    if (fuses.apply(asked(chain)) instanceof Support.No no) {
      String end = last(chain).name();
      refusals.computeIfAbsent(end, name -> new ArrayList<>()).add(no.reason());
      return false;
    }
    return true;
  }

  private OpSpec asked(List<Node> chain) {
    Node head = chain.get(0);
    Node end = last(chain);
    TensorSpec y = tensor(end.index());
    return new OpSpec(
        head.op(),
        chain.subList(1, chain.size()).stream().map(Node::op).toList(),
        List.of(tensor(head.inputs().get(0))),
        feedsNorm(end) ? y.withSums() : y,
        mode(head),
        needsGradient[end.index()] ? Pass.TRAINING : Pass.INFERENCE,
        Map.of());
  }

  private static Node last(List<Node> chain) {
    return chain.get(chain.size() - 1);
  }

  /**
   * The only consumer of the chain's output, if it is that part and nobody wants to see the output
   * itself.
   */
  private Optional<Node> successor(List<Node> chain, Part part) {
    Node end = last(chain);
    List<Node> consumers = graph.consumers(end.index());
    return consumers.size() == 1
            && consumers.get(0).op().part() == part
            && (options.pass() == Pass.INFERENCE
                || consumers.get(0).op().fusesInTraining()
                || takes(chain, consumers.get(0)))
            && (part != Part.CONVOLUTION || mode(consumers.get(0)) == mode(chain.get(0)))
            && !options.watch().output(end.name())
            && !options.watch().gradient(end.name())
            && (part != Part.RESIDUAL || isMainPath(chain, consumers.get(0)))
        ? Optional.of(consumers.get(0))
        : Optional.empty();
  }

  /** Whether a norm takes an activation along here that not every backend's does. */
  private boolean takes(List<Node> chain, Node next) {
    return chain.size() == 1
        && chain.get(0).op().part() == Part.NORM
        && next.op().reads(Slot.DX).equals(Set.of(Slot.Y))
        && fuses.apply(asked(List.of(chain.get(0), next))) instanceof Support.Yes;
  }

  /**
   * Whether the addition can be computed with the chain: the chain is its first input, and the
   * other input has no later consumer, so that in training this group is the first to write the
   * other input's gradient, and in inference the other input can be overwritten with the sum.
   */
  private boolean isMainPath(List<Node> chain, Node add) {
    int other = add.inputs().get(1);
    return add.inputs().get(0) == last(chain).index()
        && other != last(chain).index()
        && other != chain.get(0).inputs().get(0)
        && graph.consumers(other).stream().allMatch(n -> n.index() <= add.index())
        && !(options.pass() == Pass.INFERENCE
            && options.watch().outputs().contains(graph.nodes().get(other).name()));
  }

  private boolean trains(Node node) {
    return node.parameters().stream()
        .anyMatch(p -> p.role().trainable() && !options.frozen().contains(p.name()));
  }

  /** A node whose parameters are all frozen behaves as in evaluation. */
  private Mode mode(Node node) {
    boolean frozen =
        !trains(node) && node.parameters().stream().anyMatch(p -> p.role().trainable());
    return options.pass() == Pass.TRAINING && !frozen ? Mode.TRAIN : Mode.EVALUATE;
  }

  private void requireTrainable(Node node) {
    if (mode(node) == Mode.EVALUATE || node.inputs().isEmpty()) {
      return;
    }
    try {
      node.op().requireTrainable(shapes.get(node.inputs().get(0)));
    } catch (IllegalArgumentException e) {
      throw new UserError(node.name() + ": " + e.getMessage(), e);
    }
  }

  /** Called in backward order, because the order decides who writes a gradient first. */
  private Group group(List<Node> chain) {
    Node head = chain.get(0);
    Node end = last(chain);
    List<Integer> inputs = new ArrayList<>(head.inputs());
    List<Op> tail = new ArrayList<>();
    Map<Slot, GradientWrite> gradients = new TreeMap<>();
    boolean trains = needsGradient[end.index()];
    for (int i = 0; trains && i < inputs.size(); i++) {
      Slot slot = Slot.input(i).gradient().orElseThrow();
      GradientWrite write = head.op().differentiates(i) ? write(inputs.get(i)) : GradientWrite.NONE;
      boolean unasked = write == GradientWrite.NONE && head.op().unasked().contains(slot);
      gradients.put(slot, unasked ? GradientWrite.OVERWRITE : write);
    }
    for (Node node : chain.subList(1, chain.size())) {
      tail.add(node.op());
      for (int i = 1; i < node.inputs().size(); i++) {
        inputs.add(node.inputs().get(i));
        if (trains) {
          // Nobody has written it before; see isMainPath.
          gradientWritten.add(node.inputs().get(i));
          gradients.put(Slot.DRESIDUAL, GradientWrite.OVERWRITE);
        }
      }
    }
    for (Node node : chain) {
      if (!trains || !trains(node)) {
        continue;
      }
      node.parameters().stream()
          .filter(p -> p.role().trainable())
          .flatMap(p -> p.role().slot().flatMap(Slot::gradient).stream())
          .forEach(slot -> gradients.put(slot, GradientWrite.OVERWRITE));
    }
    OpSpec spec =
        new OpSpec(
            head.op(),
            tail,
            inputs.stream().map(this::tensor).toList(),
            output(chain),
            mode(head),
            trains ? Pass.TRAINING : Pass.INFERENCE,
            gradients);
    return new Group(chain, spec, inputs);
  }

  private GradientWrite write(int node) {
    if (!needsGradient[node]) {
      return GradientWrite.NONE;
    }
    return gradientWritten.add(node) ? GradientWrite.OVERWRITE : GradientWrite.ACCUMULATE;
  }

  private TensorSpec output(List<Node> chain) {
    if (precision == Precision.INT8) {
      Integers.refused(graph, chain)
          .ifPresent(
              why -> {
                throw new UnsupportedOperationException(why);
              });
    }
    return tensor(last(chain).index());
  }

  /** How a node's output lies in memory. */
  private TensorSpec tensor(int index) {
    Node node = graph.nodes().get(index);
    Shape shape = shapes.get(index);
    if (precision == Precision.INT8) {
      return Integers.tensor(graph, options, node, shape);
    }
    TensorSpec plain =
        new TensorSpec(shape, exact(node) ? precision.parameter() : precision.activation());
    return summed.contains(index) ? plain.withSums() : plain;
  }

  /** Whether it has the parameters' type, as what follows a linear layer element by element. */
  private boolean exact(Node node) {
    return node.op().exact()
        || node.op().keepsType() && exact(graph.nodes().get(node.inputs().get(0)));
  }

  /** The nodes whose outputs an int8 network needs ranges of. */
  static List<Node> ranged(Graph graph, CompileOptions options, Precision precision) {
    return groups(graph, options, precision).stream()
        .filter(group -> group.nodes().get(0).op().int8() == Int8.RANGED)
        .filter(group -> !Integers.widened(graph, group.nodes().get(0)))
        .map(Group::last)
        .collect(Collectors.toList());
  }

  /** Why there is no int8 network of that graph; empty if there is. */
  static Optional<String> int8Refusal(Graph graph, CompileOptions options, Precision precision) {
    return groups(graph, options, precision).stream()
        .flatMap(group -> Integers.refused(graph, group.nodes()).stream())
        .findFirst();
  }
}
