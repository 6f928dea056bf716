package org.jresnet.export;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.graph.Activation;
import org.jresnet.graph.AvgPool;
import org.jresnet.graph.Axis;
import org.jresnet.graph.ChannelShuffle;
import org.jresnet.graph.ChannelSlice;
import org.jresnet.graph.Concat;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Multiply;
import org.jresnet.graph.Node;
import org.jresnet.graph.Op;
import org.jresnet.graph.Scale;
import org.jresnet.graph.Shape;

/**
 * Lays a network over an ONNX graph, from the logits back to the image: each of our nodes must be
 * there, with the same windows, in the same places. Names do not matter. What an exporter wrote for
 * each node with parameters is the result.
 */
final class GraphMatcher {
  /** Change no element, or only how it is held. */
  private static final Set<String> TRANSPARENT =
      Set.of("Identity", "Cast", "Dropout", "QuantizeLinear", "DequantizeLinear");

  /** Change only the shape; between the average pool and the classifier they may be there. */
  private static final Set<String> RESHAPING = Set.of("Flatten", "Reshape", "Squeeze");

  private static final int MAX_CHAIN = 100;
  private static final int LARGE = 1024;

  /** Beyond as many nodes, two branches that are added are not alike. */
  private static final int LOOK_BACK = 8;

  /**
   * What stands for a node with parameters.
   *
   * @param node of the ONNX graph: Conv, BatchNormalization or Gemm, or the Conv that a batch norm
   *     is folded into
   * @param bias name of a bias that an Add of its own adds; empty where there is none
   */
  record Match(OnnxModel.Node node, String bias) {}

  private record Pair(Node ours, String value) {}

  private final Path file;
  private final Graph graph;
  private final OnnxModel model;
  private final OnnxConstants constants;
  private final List<Shape> shapes;
  private final Map<String, OnnxModel.Node> producers = new HashMap<>();
  private final Map<Integer, String> values = new HashMap<>();
  private final Map<Node, Match> matches = new HashMap<>();
  private final Deque<Pair> open = new ArrayDeque<>();

  GraphMatcher(Path file, Graph graph, OnnxModel model, OnnxConstants constants) {
    this.file = file;
    this.graph = graph;
    this.model = model;
    this.constants = constants;
    // Of an image that is large enough for every network; only the channels are looked at.
    shapes = graph.shapes(1, LARGE, LARGE);
    for (OnnxModel.Node node : model.nodes()) {
      node.outputs().forEach(output -> producers.putIfAbsent(output, node));
    }
  }

  /**
   * What stands for each node with parameters.
   *
   * @throws UserError naming the first of our nodes that is not where it should be
   */
  Map<Node, Match> match() {
    if (model.outputs().isEmpty()) {
      throw new UserError(Text.format("%s has no output", file));
    }
    open.add(new Pair(graph.output(), model.outputs().get(0)));
    while (!open.isEmpty()) {
      Pair pair = open.remove();
      String value = through(pair.value, TRANSPARENT);
      String known = values.putIfAbsent(pair.ours.index(), value);
      if (known == null) {
        match(pair.ours, value);
      } else if (!known.equals(value)) {
        throw new UserError(
            Text.format(
                "%s is no %s: its node %s would be both '%s' and '%s'",
                file, graph.name(), pair.ours.name(), known, value));
      }
    }
    return matches;
  }

  /** The value behind nodes of some kinds. */
  private String through(String value, Set<String> kinds) {
    String at = value;
    for (int i = 0; i < MAX_CHAIN; i++) {
      OnnxModel.Node producer = producers.get(at);
      if (producer == null || !kinds.contains(producer.op()) || constants.has(at)) {
        return at;
      }
      at = producer.input(0);
    }
    return at;
  }

  private Node input(Node node, int i) {
    return graph.nodes().get(node.inputs().get(i));
  }

  private void go(Node ours, int input, String value) {
    open.add(new Pair(input(ours, input), value));
  }

  private void match(Node ours, String value) {
    Op op = ours.op();
    if (op instanceof Op.Input) {
      input(ours, value);
      return;
    } else if (op.draws()) {
      go(ours, 0, value);
      return;
    }
    OnnxModel.Node found = producers.get(value);
    if (found == null || !found.domain().isEmpty() && !found.domain().equals("ai.onnx")) {
      throw unlike(ours, found, value);
    } else if (op instanceof Op.Linear) {
      linear(ours, found, value);
      return;
    } else if (op instanceof Op.BatchNorm) {
      norm(ours, found, value);
      return;
    }
    boolean fits =
        op instanceof Conv2d conv
            ? conv(ours, conv, found)
            : op instanceof Activation activation
                ? activation(ours, activation, found)
                : op instanceof Op.Add
                    ? found.op().equals("Add") && both(ours, found)
                    : op instanceof Multiply
                        ? found.op().equals("Mul") && both(ours, found)
                        : other(ours, found, value);
    if (!fits) {
      throw unlike(ours, found, value);
    }
  }

  private boolean other(Node ours, OnnxModel.Node found, String value) {
    Op op = ours.op();
    if (op instanceof Op.MaxPool pool) {
      Axis axis = new Axis(pool.kernel(), pool.stride(), pool.padding());
      return found.op().equals("MaxPool")
          && OpForms.window(found, axis, axis)
          && first(ours, found);
    } else if (op instanceof AvgPool pool) {
      Axis axis = new Axis(pool.kernel(), pool.stride(), pool.padding());
      long counted = pool.divisor() == AvgPool.Divisor.WINDOW ? 1 : 0;
      return found.op().equals("AveragePool")
          && OpForms.window(found, axis, axis)
          && (pool.padding() == 0 || found.number("count_include_pad", 0) == counted)
          && first(ours, found);
    } else if (op instanceof Op.GlobalAvgPool) {
      return (found.op().equals("GlobalAveragePool") || OpForms.meansOfPixels(found, constants))
          && first(ours, found);
    } else if (op instanceof Concat concat) {
      boolean fits =
          found.op().equals("Concat")
              && found.number("axis", 0) == 1
              && found.inputs().size() == concat.arity();
      for (int i = 0; fits && i < concat.arity(); i++) {
        go(ours, i, found.input(i));
      }
      return fits;
    } else if (op instanceof ChannelSlice slice) {
      int channels = channels(input(ours, 0));
      ChannelRanges ranges = new ChannelRanges(constants, producers, channels);
      return ranges.is(found, value, slice) && first(ours, found);
    } else if (op instanceof ChannelShuffle shuffle) {
      return shuffle(ours, shuffle, found);
    } else if (op instanceof Scale scale) {
      return OpForms.scale(scale, found, constants) && first(ours, found);
    }
    return false;
  }

  private boolean first(Node ours, OnnxModel.Node found) {
    go(ours, 0, found.input(0));
    return true;
  }

  private int channels(Node node) {
    return shapes.get(node.index()).c();
  }

  private void input(Node ours, String value) {
    String at = value;
    // Our own preprocessing: x·scale + shift after a cast and a transposition.
    if (model.metadata().containsKey("jresnet.architecture")) {
      at = through(at, Set.of("Add", "Mul", "Transpose", "Cast"));
    }
    if (!model.inputs().contains(at)) {
      throw unlike(ours, producers.get(at), at);
    }
  }

  private boolean conv(Node ours, Conv2d conv, OnnxModel.Node found) {
    if (!isConv(ours, conv, found)) {
      return false;
    }
    matches.put(ours, new Match(found, found.input(2)));
    return first(ours, found);
  }

  private boolean isConv(Node ours, Conv2d conv, OnnxModel.Node found) {
    List<Long> shape = ours.parameters().get(0).shape().stream().map(Integer::longValue).toList();
    return found.op().equals("Conv")
        && found.number("group", 1) == conv.groups()
        && OpForms.window(found, conv.rows(), conv.columns())
        && constants.shape(found.input(1)).equals(shape);
  }

  /** A norm of its own, as such or as product and sum, or part of the convolution before it. */
  private void norm(Node ours, OnnxModel.Node found, String value) {
    if (found.op().equals("BatchNormalization")) {
      OpForms.requireEps(ours, found, file, graph);
      matches.put(ours, new Match(found, ""));
      go(ours, 0, found.input(0));
    } else if (found.op().equals("Conv") && input(ours, 0).op() instanceof Conv2d) {
      matches.put(ours, new Match(found, found.input(2)));
      go(ours, 0, value);
    } else if (OpForms.affine(found, producers, constants)) {
      OnnxModel.Node product = producers.get(found.input(0));
      matches.put(ours, new Match(product, found.input(1)));
      go(ours, 0, product.input(0));
    } else {
      throw unlike(ours, found, value);
    }
  }

  private boolean activation(Node ours, Activation activation, OnnxModel.Node found) {
    return switch (activation.function()) {
      case RELU -> found.op().equals("Relu") && first(ours, found);
      case RELU6 ->
          found.op().equals("Clip")
              && constants.number(found.input(1)).equals(Optional.of(0f))
              && constants.number(found.input(2)).equals(Optional.of(6f))
              && first(ours, found);
      case LEAKY_RELU ->
          found.op().equals("LeakyRelu")
              && found.real("alpha", 0.01f) == (float) activation.slope()
              && first(ours, found);
      case SIGMOID -> found.op().equals("Sigmoid") && first(ours, found);
      case HARD_SIGMOID -> OpForms.hardSigmoid(found) && first(ours, found);
      case SILU -> gated(ours, found, "Sigmoid");
      case HARD_SWISH ->
          found.op().equals("HardSwish") ? first(ours, found) : gated(ours, found, "HardSigmoid");
    };
  }

  /** {@code x·gate(x)}. */
  private boolean gated(Node ours, OnnxModel.Node found, String gate) {
    String x = found.op().equals("Mul") ? gatedBy(found, gate) : "";
    if (!x.isEmpty()) {
      go(ours, 0, x);
    }
    return !x.isEmpty();
  }

  /** The x of {@code x·gate(x)}; empty for other products. */
  private String gatedBy(OnnxModel.Node product, String gates) {
    for (int i = 0; i < 2; i++) {
      OnnxModel.Node gate = producers.get(through(product.input(i), TRANSPARENT));
      String x = through(product.input(1 - i), TRANSPARENT);
      if (gate != null
          && gate.op().matches(gates)
          && (!gate.op().equals("HardSigmoid") || OpForms.hardSigmoid(gate))
          && through(gate.input(0), TRANSPARENT).equals(x)) {
        return x;
      }
    }
    return "";
  }

  /** Two operands, in the order in which they look like ours; as they stand, if in neither. */
  private boolean both(Node ours, OnnxModel.Node found) {
    int swapped = !alike(ours, found, 0) && alike(ours, found, 1) ? 1 : 0;
    go(ours, 0, found.input(swapped));
    go(ours, 1, found.input(1 - swapped));
    return true;
  }

  private boolean alike(Node ours, OnnxModel.Node found, int swapped) {
    return looksLike(input(ours, 0), found.input(swapped))
        && looksLike(input(ours, 1), found.input(1 - swapped));
  }

  private boolean looksLike(Node ours, String value) {
    return looksLike(ours, value, LOOK_BACK);
  }

  /** Whether a value may be that of our node, by the nodes that it comes from. */
  private boolean looksLike(Node ours, String value, int steps) {
    OnnxModel.Node found = producers.get(through(value, TRANSPARENT));
    Op op = ours.op();
    if (op.draws()) {
      return looksLike(input(ours, 0), value, steps);
    } else if (!OpForms.alike(op, found)) {
      return false;
    } else if (op instanceof Op.BatchNorm && found.op().equals("Add")) {
      return OpForms.affine(found, producers, constants);
    } else if (found == null || steps == 0) {
      return true;
    } else if (op instanceof Op.BatchNorm && found.op().equals("Conv")) {
      return looksLike(input(ours, 0), value, steps);
    } else if (op instanceof Conv2d conv) {
      return isConv(ours, conv, found) && looksLike(input(ours, 0), found.input(0), steps - 1);
    } else if (op instanceof Activation || op instanceof Op.BatchNorm) {
      String x = found.op().equals("Mul") ? gatedBy(found, "Sigmoid|HardSigmoid") : found.input(0);
      return looksLike(input(ours, 0), x, steps - 1);
    }
    return true;
  }

  /** Reshape to groups, transposition, reshape back. */
  private boolean shuffle(Node ours, ChannelShuffle shuffle, OnnxModel.Node found) {
    OnnxModel.Node turned = producers.get(through(found.input(0), TRANSPARENT));
    if (!found.op().equals("Reshape")
        || turned == null
        || !turned.op().equals("Transpose")
        || !turned.numbers("perm", List.of()).equals(List.of(0L, 2L, 1L, 3L, 4L))) {
      return false;
    }
    OnnxModel.Node dealt = producers.get(through(turned.input(0), TRANSPARENT));
    if (dealt == null || !dealt.op().equals("Reshape")) {
      return false;
    }
    List<Long> shape = constants.integers(dealt.input(1)).orElse(List.of());
    long each = channels(ours) / shuffle.groups();
    return shape.size() == 5
        && shape.get(1) == shuffle.groups()
        && (shape.get(2) == each || shape.get(2) == -1)
        && first(ours, dealt);
  }

  private void linear(Node ours, OnnxModel.Node found, String value) {
    OnnxModel.Node product = found;
    String bias = "";
    if (found.op().equals("Add")) {
      int constant = constants.has(found.input(0)) ? 0 : 1;
      bias = found.input(constant);
      product = producers.get(through(found.input(1 - constant), TRANSPARENT));
    } else if (found.op().equals("Gemm")) {
      bias = found.input(2);
    }
    boolean plain =
        product != null
            && (product.op().equals("MatMul")
                || product.op().equals("Gemm")
                    && product.real("alpha", 1) == 1
                    && product.real("beta", 1) == 1
                    && product.number("transA", 0) == 0);
    if (!plain) {
      throw unlike(ours, found, value);
    }
    matches.put(ours, new Match(Objects.requireNonNull(product), bias));
    String x = product.input(0);
    String before = "";
    while (!before.equals(x)) {
      before = x;
      x = through(through(x, TRANSPARENT), RESHAPING);
    }
    go(ours, 0, x);
  }

  private UserError unlike(Node ours, OnnxModel.Node found, String value) {
    return new UserError(
        Text.format(
            "%s is no %s that jresnet can read: where its node %s (%s) should be, there is %s",
            file,
            graph.name(),
            ours.name(),
            ours.op().kind(),
            found == null
                ? "the input or constant '" + FileText.show(value) + "'"
                : FileText.show(found)));
  }
}
