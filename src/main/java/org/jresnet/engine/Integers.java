package org.jresnet.engine;

import java.util.List;
import java.util.Optional;
import org.jresnet.backend.QuantParams;
import org.jresnet.backend.TensorSpec;
import org.jresnet.base.UserError;
import org.jresnet.graph.DType;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Op.Int8;
import org.jresnet.graph.Op.Part;
import org.jresnet.graph.Shape;

/** What an int8 network can compute, and what it holds as integers. */
final class Integers {
  private Integers() {}

  /** Why it cannot compute a chain of nodes; empty if it can. */
  static Optional<String> refused(Graph graph, List<Node> chain) {
    Node head = chain.get(0);
    if (widened(graph, head)) {
      return Optional.empty();
    } else if (head.op().int8() == Int8.NONE) {
      return Optional.of(head.name() + ": int8 cannot compute " + head.op().kind() + " by itself");
    }
    boolean alone = chain.size() == 1 && head.op().takes(true).contains(Part.NORM);
    return alone && head.op().int8() == Int8.RANGED
        ? Optional.of(head.name() + ": int8 needs a batch norm right after each convolution")
        : Optional.empty();
  }

  /** Whether it holds a node's output in single precision, as all that follows a mean. */
  static boolean widened(Graph graph, Node node) {
    return !node.inputs().isEmpty()
        && (node.op().int8() == Int8.WIDENS
            || widened(graph, graph.nodes().get(node.inputs().get(0))));
  }

  /** How a node's output lies in memory. */
  static TensorSpec tensor(Graph graph, CompileOptions options, Node node, Shape shape) {
    return widened(graph, node)
        ? new TensorSpec(shape, DType.F32)
        : new TensorSpec(shape, quant(graph, options, node));
  }

  private static QuantParams quant(Graph graph, CompileOptions options, Node node) {
    if (node.inputs().isEmpty()) {
      return QuantParams.of(options.normalization());
    } else if (node.op().int8() == Int8.KEEPS) {
      return quant(graph, options, graph.nodes().get(node.inputs().get(0)));
    }
    Float range = options.ranges().get(node.name());
    if (range == null) {
      throw new UserError(
          "int8 needs the range of "
              + node.name()
              + ", and the model has none; measure it with jresnet quantize");
    }
    return QuantParams.of(range, !node.op().nonNegative());
  }
}
