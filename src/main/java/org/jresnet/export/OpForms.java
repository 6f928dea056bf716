package org.jresnet.export;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Axis;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Op;
import org.jresnet.graph.Scale;

/** In which forms exporters write operations. */
final class OpForms {
  private OpForms() {}

  /** Whether a window moves as ours do. */
  static boolean window(OnnxModel.Node node, Axis rows, Axis columns) {
    long top = rows.padding();
    long left = columns.padding();
    return pair(node, "kernel_shape", rows.size(), columns.size())
        && pair(node, "strides", rows.stride(), columns.stride())
        && pair(node, "dilations", rows.dilation(), columns.dilation())
        && node.numbers("pads", List.of(0L, 0L, 0L, 0L)).equals(List.of(top, left, top, left))
        && node.number("ceil_mode", 0) == 0
        && node.text("auto_pad", "NOTSET").equals("NOTSET");
  }

  private static boolean pair(OnnxModel.Node node, String attribute, long first, long second) {
    return node.numbers(attribute, List.of(1L, 1L)).equals(List.of(first, second));
  }

  /** torch's hard sigmoid. */
  static boolean hardSigmoid(OnnxModel.Node found) {
    return found.op().equals("HardSigmoid")
        && Math.abs(found.real("alpha", 0.2f) - 1 / 6f) < 1e-6
        && found.real("beta", 0.5f) == 0.5f;
  }

  /** {@code x·scale + shift} with constants per channel: a norm that no convolution takes along. */
  static boolean affine(
      OnnxModel.Node found, Map<String, OnnxModel.Node> producers, OnnxConstants constants) {
    OnnxModel.Node product = producers.get(found.input(0));
    return found.op().equals("Add")
        && constants.has(found.input(1))
        && product != null
        && product.op().equals("Mul")
        && constants.has(product.input(1));
  }

  /** Refuses a batch norm that adds another epsilon than ours. */
  static void requireEps(Node ours, OnnxModel.Node found, Path file, Graph graph) {
    double expected = ((Op.BatchNorm) ours.op()).eps();
    float eps = found.real("epsilon", 1e-5f);
    if (Math.abs(eps - expected) > 1e-3 * eps) {
      throw new UserError(
          Text.format(
              "%s is no %s: its batch norm %s has epsilon %s, expected %s",
              file, graph.name(), ours.name(), eps, expected));
    }
  }

  /** A product with one number, which half precision may have rounded. */
  static boolean scale(Scale op, OnnxModel.Node found, OnnxConstants constants) {
    return found.op().equals("Mul")
        && constants
            .number(found.input(1))
            .filter(f -> Math.abs(f - op.factor()) <= 1e-3 * Math.abs(op.factor()))
            .isPresent();
  }

  /** Whether it is a mean over h and w. */
  static boolean meansOfPixels(OnnxModel.Node found, OnnxConstants constants) {
    if (!found.op().equals("ReduceMean")) {
      return false;
    }
    List<Long> axes = constants.integers(found.input(1)).orElse(found.numbers("axes", List.of()));
    return axes.size() == 2
        && Set.of(2L, -2L).stream().anyMatch(axes::contains)
        && Set.of(3L, -1L).stream().anyMatch(axes::contains);
  }

  /**
   * Whether the output of an ONNX node may be that of an op of ours, by its kind.
   *
   * @param producer null for an input
   */
  static boolean alike(Op op, OnnxModel.Node producer) {
    if (producer == null) {
      return op instanceof Op.Input;
    } else if (op instanceof Activation activation) {
      return switch (activation.function()) {
        case SIGMOID -> producer.op().equals("Sigmoid");
        case HARD_SIGMOID -> producer.op().equals("HardSigmoid");
        case RELU -> producer.op().equals("Relu");
        case RELU6 -> producer.op().equals("Clip");
        case LEAKY_RELU -> producer.op().equals("LeakyRelu");
        case SILU -> producer.op().equals("Mul");
        case HARD_SWISH -> producer.op().equals("Mul") || producer.op().equals("HardSwish");
      };
    } else if (op instanceof Op.BatchNorm) {
      return Set.of("Conv", "BatchNormalization", "Add").contains(producer.op());
    } else if (op instanceof Conv2d) {
      return producer.op().equals("Conv") || producer.op().equals("BatchNormalization");
    } else if (op instanceof Op.Add) {
      return producer.op().equals("Add");
    }
    return !Set.of("Conv", "BatchNormalization", "Sigmoid", "HardSigmoid").contains(producer.op());
  }
}
