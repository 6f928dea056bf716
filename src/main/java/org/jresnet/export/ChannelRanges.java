package org.jresnet.export;

import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jresnet.graph.ChannelSlice;

/**
 * Whether an ONNX node takes given channels of its input: a Split, or a Slice whose ends are
 * constants or computed from the number of channels, as torch's older exporter writes {@code
 * chunk}.
 *
 * @param constants of the file
 * @param producers the node that makes each value
 * @param channels of the node's input
 */
record ChannelRanges(OnnxConstants constants, Map<String, OnnxModel.Node> producers, int channels) {
  private static final int MAX_DEPTH = 8;

  boolean is(OnnxModel.Node found, String value, ChannelSlice slice) {
    if (found.op().equals("Split")) {
      return split(found, found.outputs().indexOf(value), slice);
    } else if (!found.op().equals("Slice")) {
      return false;
    }
    OptionalLong start = number(found, found.input(1), MAX_DEPTH);
    OptionalLong end = number(found, found.input(2), MAX_DEPTH);
    OptionalLong axis = number(found, found.input(3), MAX_DEPTH);
    OptionalLong step =
        found.input(4).isEmpty() ? OptionalLong.of(1) : number(found, found.input(4), MAX_DEPTH);
    return axis.equals(OptionalLong.of(1))
        && step.equals(OptionalLong.of(1))
        && start.equals(OptionalLong.of(slice.from()))
        && end.isPresent()
        && Math.min(end.getAsLong(), channels) == slice.from() + slice.count();
  }

  private boolean split(OnnxModel.Node found, int part, ChannelSlice slice) {
    if (found.number("axis", 0) != 1) {
      return false;
    }
    int parts = found.outputs().size();
    List<Long> sizes = constants.integers(found.input(1)).orElse(List.of());
    if (sizes.isEmpty()) {
      // Equal parts, the last one smaller.
      int each = (channels + parts - 1) / parts;
      int from = part * each;
      return from == slice.from() && Math.min(each, channels - from) == slice.count();
    }
    long from = 0;
    for (int i = 0; i < part && i < sizes.size(); i++) {
      from += sizes.get(i);
    }
    return part < sizes.size() && from == slice.from() && sizes.get(part) == slice.count();
  }

  /** The value of a number that is constant once the channels are known. */
  private OptionalLong number(OnnxModel.Node slice, String value, int depth) {
    List<Long> constant = constants.integers(value).orElse(List.of());
    if (constant.size() == 1) {
      return OptionalLong.of(constant.get(0));
    }
    OnnxModel.Node node = producers.get(value);
    if (node == null || depth == 0) {
      return OptionalLong.empty();
    } else if (node.op().equals("Gather")) {
      OnnxModel.Node shape = producers.get(node.input(0));
      boolean ours =
          shape != null
              && shape.op().equals("Shape")
              && shape.input(0).equals(slice.input(0))
              && constants.integers(node.input(1)).orElse(List.of()).equals(List.of(1L));
      return ours ? OptionalLong.of(channels) : OptionalLong.empty();
    } else if (!node.op().matches("Add|Sub|Mul|Div")) {
      return OptionalLong.empty();
    }
    OptionalLong a = number(slice, node.input(0), depth - 1);
    OptionalLong b = number(slice, node.input(1), depth - 1);
    if (a.isEmpty() || b.isEmpty()) {
      return OptionalLong.empty();
    }
    long x = a.getAsLong();
    long y = b.getAsLong();
    return switch (node.op()) {
      case "Add" -> OptionalLong.of(x + y);
      case "Sub" -> OptionalLong.of(x - y);
      case "Mul" -> OptionalLong.of(x * y);
      default -> y == 0 ? OptionalLong.empty() : OptionalLong.of(x / y);
    };
  }
}
