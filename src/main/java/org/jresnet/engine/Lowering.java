package org.jresnet.engine;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.OpSpec.Activation;
import org.jresnet.backend.OpSpec.Residual;
import org.jresnet.backend.OpSpec.Statistics;
import org.jresnet.backend.OpSpec.Window;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.QuantParams;
import org.jresnet.base.UserError;
import org.jresnet.graph.DType;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Op;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Shape;

/**
 * From nodes to groups with op specs. Batch norm takes a following residual addition and ReLU with
 * it; in inference the convolution takes the batch norm, too. Gradient policies follow from who
 * needs which gradient and from the backward order: the first writer overwrites, later ones add.
 */
final class Lowering {
  private final Graph graph;
  private final CompileOptions options;
  private final Precision precision;
  private final DType type;
  private final List<Shape> shapes;
  private final boolean[] needsGradient;
  private final Set<Integer> gradientWritten = new HashSet<>();

  private Lowering(Graph graph, CompileOptions options, Precision precision) {
    this.graph = graph;
    this.options = options;
    this.precision = precision;
    this.type = precision.activation();
    this.shapes = graph.shapes(options.batch(), options.height(), options.width());
    this.needsGradient = new boolean[graph.nodes().size()];
  }

  /** Groups in forward order. */
  static List<Group> lower(Graph graph, CompileOptions options, Precision precision) {
    return new Lowering(graph, options, precision).run();
  }

  /** Type of a node's output. */
  static DType type(Op op, Precision precision) {
    boolean integers = precision == Precision.INT8;
    if (op instanceof Op.Linear || integers && op instanceof Op.GlobalAvgPool) {
      return precision.parameter();
    }
    return integers && op instanceof Op.Input ? DType.I8 : precision.activation();
  }

  private List<Group> run() {
    if (precision == Precision.INT8 && options.pass() == Pass.TRAINING) {
      throw new UserError("int8 is for inference; train in fp32 or bf16");
    }
    for (Node node : graph.nodes()) {
      needsGradient[node.index()] =
          options.pass() == Pass.TRAINING
              && (trains(node) || node.inputs().stream().anyMatch(i -> needsGradient[i]));
    }
    graph.nodes().stream().filter(this::usesBatchStatistics).forEach(this::requireStatistics);
    List<List<Node>> chains = chains();
    List<Group> groups = new ArrayList<>();
    for (int i = chains.size() - 1; i >= 0; i--) {
      groups.add(0, group(chains.get(i)));
    }
    return groups;
  }

  /** Nodes that are computed together, ordered by their last node. */
  private List<List<Node>> chains() {
    Set<Node> taken = new HashSet<>();
    List<List<Node>> chains = new ArrayList<>();
    for (Node node : graph.nodes()) {
      if (node.op() instanceof Op.Input || taken.contains(node)) {
        continue;
      }
      List<Node> chain = new ArrayList<>(List.of(node));
      if (node.op() instanceof Op.Conv2d && options.pass() == Pass.INFERENCE) {
        successor(chain, Op.BatchNorm.class).ifPresent(chain::add);
      }
      if (last(chain).op() instanceof Op.BatchNorm) {
        successor(chain, Op.Add.class).filter(add -> isMainPath(chain, add)).ifPresent(chain::add);
        successor(chain, Op.Relu.class).ifPresent(chain::add);
      }
      taken.addAll(chain);
      chains.add(chain);
    }
    chains.sort(Comparator.comparingInt(chain -> last(chain).index()));
    return chains;
  }

  private static Node last(List<Node> chain) {
    return chain.get(chain.size() - 1);
  }

  /**
   * The only consumer of the chain's output, if it is of that kind and nobody wants to see the
   * output itself.
   */
  private Optional<Node> successor(List<Node> chain, Class<? extends Op> kind) {
    Node end = last(chain);
    List<Node> consumers = graph.consumers(end.index());
    return consumers.size() == 1
            && kind.isInstance(consumers.get(0).op())
            && !options.taps().contains(end.name())
        ? Optional.of(consumers.get(0))
        : Optional.empty();
  }

  /**
   * Whether the addition can be computed with the norm: the norm is its first input, and the other
   * input has no later consumer, so that in training this group is the first to write the other
   * input's gradient, and in inference the other input can be overwritten with the sum.
   */
  private boolean isMainPath(List<Node> chain, Node add) {
    int other = add.inputs().get(1);
    boolean overwritten = options.pass() == Pass.INFERENCE;
    return add.inputs().get(0) == last(chain).index()
        && other != last(chain).index()
        && graph.consumers(other).stream().allMatch(n -> n.index() <= add.index())
        && !(overwritten
            && (other == chain.get(0).inputs().get(0)
                || options.taps().contains(graph.nodes().get(other).name())));
  }

  private boolean trains(Node node) {
    return node.parameters().stream()
        .anyMatch(p -> p.role().trainable() && !options.frozen().contains(p.name()));
  }

  private boolean usesBatchStatistics(Node node) {
    return node.op() instanceof Op.BatchNorm && options.pass() == Pass.TRAINING && trains(node);
  }

  private void requireStatistics(Node norm) {
    Shape in = shapes.get(norm.index());
    if (in.perChannel() < 2) {
      throw new UserError(
          norm.name()
              + ": training a batch norm needs more than one value per channel, but its input is "
              + in
              + "; use a larger batch or larger images");
    }
  }

  /** Called in backward order, because gradient policies depend on it. */
  private Group group(List<Node> chain) {
    Node head = chain.get(0);
    Node end = last(chain);
    int x = head.inputs().get(0);
    Shape in = shapes.get(x);
    Shape out = shapes.get(end.index());
    Pass pass = needsGradient[end.index()] ? Pass.TRAINING : Pass.INFERENCE;
    Optional<Node> add =
        chain.stream().filter(n -> n.op() instanceof Op.Add && n != head).findFirst();
    int residual = add.map(n -> n.inputs().get(1)).orElse(-1);
    Residual withResidual = add.isPresent() ? Residual.ADD : Residual.NONE;
    Activation activation =
        end != head && end.op() instanceof Op.Relu ? Activation.RELU : Activation.NONE;
    GradientWrite parameters =
        pass == Pass.TRAINING && trains(head) ? GradientWrite.OVERWRITE : GradientWrite.NONE;
    OpSpec spec;
    if (head.op() instanceof Op.Conv2d c) {
      Window window = new Window(c.kernel(), c.stride(), c.padding());
      if (precision == Precision.INT8) {
        spec = quantized(chain, in, out, window, activation, residual);
      } else {
        spec =
            chain.size() > 1
                ? new OpSpec.FoldedConv(
                    in,
                    out,
                    window,
                    type,
                    ((Op.BatchNorm) chain.get(1).op()).eps(),
                    withResidual,
                    activation)
                : new OpSpec.Conv(in, out, window, type, pass, gradient(x, pass), parameters);
      }
    } else if (head.op() instanceof Op.BatchNorm n) {
      Statistics statistics = usesBatchStatistics(head) ? Statistics.BATCH : Statistics.RUNNING;
      GradientWrite dx = pass == Pass.INFERENCE ? GradientWrite.NONE : GradientWrite.OVERWRITE;
      if (pass == Pass.TRAINING && gradient(x, pass) == GradientWrite.ACCUMULATE) {
        throw new UnsupportedOperationException(
            head.name()
                + " shares its input with a later node; a batch norm's input gradient is only ever overwritten");
      }
      if (residual >= 0) {
        gradientWritten.add(residual);
      }
      spec =
          new OpSpec.Norm(
              out,
              n.eps(),
              n.momentum(),
              type,
              pass,
              statistics,
              withResidual,
              activation,
              dx,
              parameters);
    } else if (head.op() instanceof Op.Relu) {
      spec = new OpSpec.Relu(out, type, pass, gradient(x, pass));
    } else if (head.op() instanceof Op.Add) {
      residual = head.inputs().get(1);
      spec = new OpSpec.Add(out, type, pass, gradient(x, pass), gradient(residual, pass));
    } else if (head.op() instanceof Op.MaxPool m) {
      Window window = new Window(m.kernel(), m.stride(), m.padding());
      DType stored = precision == Precision.INT8 ? stored(x).type() : type;
      spec = new OpSpec.MaxPool(in, out, window, stored, pass, gradient(x, pass));
    } else if (head.op() instanceof Op.GlobalAvgPool) {
      spec =
          precision == Precision.INT8
              ? new OpSpec.QuantizedAvgPool(in, out, stored(x))
              : new OpSpec.GlobalAvgPool(in, out, type, pass, gradient(x, pass));
    } else if (head.op() instanceof Op.Linear) {
      DType input = type(graph.nodes().get(x).op(), precision);
      spec = new OpSpec.Linear(in, out, input, pass, gradient(x, pass), parameters);
    } else {
      throw new UnsupportedOperationException("no lowering for " + head.op());
    }
    return new Group(List.copyOf(chain), spec, x, residual);
  }

  private OpSpec quantized(
      List<Node> chain, Shape in, Shape out, Window window, Activation activation, int residual) {
    Node head = chain.get(0);
    if (chain.size() == 1) {
      throw new UnsupportedOperationException(
          head.name() + ": int8 needs a batch norm right after each convolution");
    }
    return new OpSpec.QuantizedConv(
        in,
        out,
        window,
        ((Op.BatchNorm) chain.get(1).op()).eps(),
        activation,
        stored(head.inputs().get(0)),
        residual < 0 ? Optional.empty() : Optional.of(stored(residual)),
        stored(last(chain).index()));
  }

  /** How an int8 network holds a node's output. */
  private QuantParams stored(int index) {
    Node node = graph.nodes().get(index);
    if (node.op() instanceof Op.Input) {
      return QuantParams.of(options.normalization());
    } else if (node.op() instanceof Op.MaxPool) {
      return stored(node.inputs().get(0));
    }
    Float range = options.ranges().get(node.name());
    if (range == null) {
      throw new UserError(
          "int8 needs the range of "
              + node.name()
              + ", and the model has none; measure it with jresnet quantize");
    }
    return QuantParams.of(range, !(node.op() instanceof Op.Relu));
  }

  private GradientWrite gradient(int node, Pass pass) {
    if (pass == Pass.INFERENCE || !needsGradient[node]) {
      return GradientWrite.NONE;
    }
    return gradientWritten.add(node) ? GradientWrite.OVERWRITE : GradientWrite.ACCUMULATE;
  }

  /** The names of the chain's parameters of one role. */
  static Optional<String> parameter(Group group, Parameter.Role role) {
    return group.nodes().stream()
        .flatMap(n -> n.parameters().stream())
        .filter(p -> p.role() == role)
        .map(Parameter::name)
        .findFirst();
  }
}
