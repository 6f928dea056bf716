package org.jresnet.export;

import static org.jresnet.export.OnnxGraph.attributes;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jresnet.backend.Precision;
import org.jresnet.backend.QuantParams;
import org.jresnet.base.Float16;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.export.OnnxGraph.Type;
import org.jresnet.graph.Activation;
import org.jresnet.graph.AvgPool;
import org.jresnet.graph.Axis;
import org.jresnet.graph.ChannelShuffle;
import org.jresnet.graph.ChannelSlice;
import org.jresnet.graph.Concat;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.ConvTranspose2d;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Multiply;
import org.jresnet.graph.Node;
import org.jresnet.graph.Op;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Scale;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Upsample;

/**
 * From a network to the nodes of an ONNX graph in NCHW layout. Values have the names of our nodes;
 * where one of ours needs several of ONNX's, the last has the name; the last of all is called as
 * the caller wants it. Nothing newer than opset 13 is used.
 */
final class GraphWriter {
  private final Graph graph;
  private final List<Shape> shapes;
  private final Function<String, float[]> parameters;
  private final OnnxOptions.Norms norms;
  private final Quantization quantization;
  private final OnnxGraph out;
  private final String logits;
  private final Type type;

  /** Names of the nodes' outputs, by index. */
  private final List<String> values = new ArrayList<>();

  /** Whether an output is {@code [N, C]}, not {@code [N, C, H, W]}. */
  private final List<Boolean> flat = new ArrayList<>();

  GraphWriter(
      Graph graph,
      int size,
      Function<String, float[]> parameters,
      OnnxOptions options,
      Quantization quantization,
      OnnxGraph out,
      String logits) {
    this.graph = graph;
    this.shapes = graph.shapes(1, size, size);
    this.parameters = parameters;
    this.norms = options.norms();
    this.quantization = quantization;
    this.out = out;
    this.logits = logits;
    this.type = options.precision() == Precision.FP16 ? Type.FLOAT16 : Type.FLOAT;
  }

  /**
   * Writes all nodes.
   *
   * @param input name of the normalised images
   * @throws UserError naming a node that ONNX files of jresnet cannot hold
   */
  void write(String input) {
    for (Node node : graph.nodes()) {
      boolean wasFlat = !node.inputs().isEmpty() && flat.get(node.inputs().get(0));
      flat.add(node.op() instanceof Op.Linear || wasFlat && elementwise(node));
      String value = node.inputs().isEmpty() ? input : write(node);
      Optional<QuantParams> quant = quantization.of(node);
      values.add(
          quant.isPresent() ? quantization.pair(out, value, node.name(), quant.get()) : value);
    }
    int last = graph.output().index();
    if (!flat.get(last)) {
      out.node("Flatten", List.of(values.get(last)), logits, attributes("axis", 1L));
    } else if (!values.get(last).equals(logits)) {
      out.node("Identity", List.of(values.get(last)), logits);
    }
  }

  /** What a node's output is called. */
  private String name(Node node) {
    return node == graph.output() && flat.get(node.index()) ? logits : node.name();
  }

  private static boolean elementwise(Node node) {
    return node.op() instanceof Activation || node.op() instanceof Scale || node.op().draws();
  }

  private String write(Node node) {
    Op op = node.op();
    String name = name(node);
    if (op.draws()) {
      // In evaluation nothing is dropped.
      return input(node, 0);
    } else if (op instanceof Conv2d conv) {
      return convolution(node, conv);
    } else if (op instanceof ConvTranspose2d conv) {
      return transposed(node, conv);
    } else if (op instanceof Op.BatchNorm norm) {
      return norm(node, norm);
    } else if (op instanceof Activation activation) {
      return activation(node, activation);
    } else if (op instanceof Op.Linear) {
      return linear(node);
    } else if (op instanceof Op.Add) {
      return out.node("Add", List.of(image(node, 0), image(node, 1)), name);
    } else if (op instanceof Multiply) {
      return out.node("Mul", List.of(image(node, 0), image(node, 1)), name);
    } else if (op instanceof Scale scale) {
      String factor = scalar(name + ".factor", (float) scale.factor());
      return out.node("Mul", List.of(input(node, 0), factor), name);
    } else if (op instanceof Concat concat) {
      List<String> inputs = new ArrayList<>();
      for (int i = 0; i < concat.arity(); i++) {
        inputs.add(image(node, i));
      }
      return out.node("Concat", inputs, name, attributes("axis", 1L));
    } else if (op instanceof ChannelSlice slice) {
      String starts = out.longs(name + ".starts", slice.from());
      String ends = out.longs(name + ".ends", (long) slice.from() + slice.count());
      String axes = out.longs("channel_axis", 1);
      return out.node("Slice", List.of(image(node, 0), starts, ends, axes), name);
    } else if (op instanceof ChannelShuffle shuffle) {
      return shuffle(node, shuffle);
    } else if (op instanceof Op.GlobalAvgPool) {
      return out.node("GlobalAveragePool", List.of(image(node, 0)), name);
    } else if (op instanceof Op.MaxPool pool) {
      Map<String, Object> window = window(new Axis(pool.kernel(), pool.stride(), pool.padding()));
      return out.node("MaxPool", List.of(image(node, 0)), name, window);
    } else if (op instanceof AvgPool pool) {
      Map<String, Object> window = window(new Axis(pool.kernel(), pool.stride(), pool.padding()));
      window.put("count_include_pad", pool.divisor() == AvgPool.Divisor.WINDOW ? 1L : 0L);
      return out.node("AveragePool", List.of(image(node, 0)), name, window);
    } else if (op instanceof Upsample upsample) {
      String scales =
          out.floats(
              name + ".scales",
              List.of(4L),
              new float[] {1, 1, upsample.scale(), upsample.scale()},
              Type.FLOAT);
      return out.node(
          "Resize",
          List.of(image(node, 0), "", scales),
          name,
          attributes(
              "mode", "nearest",
              "coordinate_transformation_mode", "asymmetric",
              "nearest_mode", "floor"));
    }
    throw new UserError(
        Text.format(
            "%s cannot be exported as ONNX: its node %s is a %s, and jresnet does not know how ONNX"
                + " writes that",
            graph.name(), name, op.kind()));
  }

  private String input(Node node, int i) {
    return values.get(node.inputs().get(i));
  }

  /** The input as {@code [N, C, H, W]}. */
  private String image(Node node, int i) {
    int index = node.inputs().get(i);
    if (!flat.get(index)) {
      return values.get(index);
    }
    String shape = out.longs(node.name() + ".map", 0, shapes.get(index).c(), 1, 1);
    return out.node("Reshape", List.of(values.get(index), shape), node.name() + ".input" + i);
  }

  private String scalar(String name, float value) {
    return out.floats(name, List.of(), new float[] {value}, type);
  }

  private String vector(String name, float[] values) {
    return out.floats(name, List.of((long) values.length), values, type);
  }

  /**
   * Weights of a layer. Those that an int8 file does not hold as integers are half as large in half
   * precision, which is far finer than its integers.
   */
  private String weights(String name, List<Long> shape, float[] values) {
    if (quantization == Quantization.NONE || shape.size() < 2 || !Float16.reaches(values)) {
      return out.floats(name, shape, values, type);
    }
    String half = out.floats(name + ".half", shape, values, Type.FLOAT16);
    return out.node("Cast", List.of(half), name, attributes("to", (long) Type.FLOAT.code()));
  }

  /** The batch norm that is computed by the convolution before it. */
  private Optional<Node> folded(Node convolution) {
    List<Node> consumers = graph.consumers(convolution.index());
    return norms == OnnxOptions.Norms.FOLDED
            && consumers.size() == 1
            && consumers.get(0).op() instanceof Op.BatchNorm
            && quantization.of(convolution).isEmpty()
        ? Optional.of(consumers.get(0))
        : Optional.empty();
  }

  private String convolution(Node node, Conv2d conv) {
    Filters filters = Filters.of(node, folded(node), parameters);
    Map<String, Object> window = window(conv.rows(), conv.columns());
    window.put("group", (long) conv.groups());
    List<String> inputs = new ArrayList<>(List.of(image(node, 0)));
    Optional<QuantParams> x = quantization.of(graph.nodes().get(node.inputs().get(0)));
    if (x.isPresent()) {
      inputs.addAll(quantization.filters(out, node.name(), filters, x.get()));
    } else {
      inputs.add(weights(node.name() + ".weight", filters.shape(), filters.weight()));
      if (filters.bias().length > 0) {
        inputs.add(vector(node.name() + ".bias", filters.bias()));
      }
    }
    return out.node("Conv", inputs, node.name(), window);
  }

  private String transposed(Node node, ConvTranspose2d conv) {
    Map<String, Object> window = window(conv.rows(), conv.columns());
    window.put("group", (long) conv.groups());
    window.put("output_padding", List.of((long) conv.extraRows(), (long) conv.extraColumns()));
    return out.node("ConvTranspose", withParameters(image(node, 0), node), node.name(), window);
  }

  private List<String> withParameters(String input, Node node) {
    List<String> inputs = new ArrayList<>(List.of(input));
    for (Parameter p : node.parameters()) {
      List<Long> shape = p.shape().stream().map(Integer::longValue).toList();
      inputs.add(weights(p.name(), shape, parameters.apply(p.name())));
    }
    return inputs;
  }

  private static Map<String, Object> window(Axis both) {
    return window(both, both);
  }

  private static Map<String, Object> window(Axis rows, Axis columns) {
    Map<String, Object> window =
        attributes(
            "kernel_shape", List.of((long) rows.size(), (long) columns.size()),
            "strides", List.of((long) rows.stride(), (long) columns.stride()),
            "pads",
                List.of(
                    (long) rows.padding(),
                    (long) columns.padding(),
                    (long) rows.padding(),
                    (long) columns.padding()));
    if (rows.dilation() != 1 || columns.dilation() != 1) {
      window.put("dilations", List.of((long) rows.dilation(), (long) columns.dilation()));
    }
    return window;
  }

  private String norm(Node node, Op.BatchNorm norm) {
    String x = image(node, 0);
    if (norms == OnnxOptions.Norms.KEPT) {
      List<String> inputs = new ArrayList<>(List.of(x));
      for (Parameter p : node.parameters()) {
        if (p.role() != Parameter.Role.BATCHES_TRACKED) {
          inputs.add(vector(p.name(), parameters.apply(p.name())));
        }
      }
      return out.node(
          "BatchNormalization", inputs, node.name(), attributes("epsilon", (float) norm.eps()));
    }
    Node before = graph.nodes().get(node.inputs().get(0));
    if (before.op() instanceof Conv2d && folded(before).isPresent()) {
      return x;
    }
    Filters.Affine affine = Filters.Affine.of(node, parameters);
    List<Long> shape = List.of((long) norm.c(), 1L, 1L);
    String scale = out.floats(node.name() + ".scale", shape, affine.scales(), type);
    String shift = out.floats(node.name() + ".shift", shape, affine.shifts(), type);
    String scaled = out.node("Mul", List.of(x, scale), node.name() + ".scaled");
    return out.node("Add", List.of(scaled, shift), node.name());
  }

  private String activation(Node node, Activation activation) {
    String x = input(node, 0);
    String name = name(node);
    return switch (activation.function()) {
      case RELU -> out.node("Relu", List.of(x), name);
      case RELU6 -> out.node("Clip", List.of(x, scalar("zero", 0), scalar("six", 6)), name);
      case LEAKY_RELU ->
          out.node("LeakyRelu", List.of(x), name, attributes("alpha", (float) activation.slope()));
      case SIGMOID -> out.node("Sigmoid", List.of(x), name);
      case SILU ->
          out.node("Mul", List.of(x, out.node("Sigmoid", List.of(x), name + ".gate")), name);
      // HardSwish is an operator from opset 14 on.
      case HARD_SWISH -> out.node("Mul", List.of(x, hardSigmoid(x, name + ".gate")), name);
      case HARD_SIGMOID -> hardSigmoid(x, name);
    };
  }

  private String hardSigmoid(String x, String name) {
    return out.node("HardSigmoid", List.of(x), name, attributes("alpha", 1 / 6f, "beta", 0.5f));
  }

  private String shuffle(Node node, ChannelShuffle shuffle) {
    Shape x = shapes.get(node.index());
    long groups = shuffle.groups();
    String name = node.name();
    // A 0 keeps the extent that stands there: the batch.
    String split = out.longs(name + ".split", 0, groups, x.c() / groups, x.h(), x.w());
    String joined = out.longs(name + ".joined", 0, x.c(), x.h(), x.w());
    String dealt = out.node("Reshape", List.of(image(node, 0), split), name + ".groups");
    String turned =
        out.node(
            "Transpose",
            List.of(dealt),
            name + ".turned",
            attributes("perm", List.of(0L, 2L, 1L, 3L, 4L)));
    return out.node("Reshape", List.of(turned, joined), name);
  }

  private String linear(Node node) {
    int index = node.inputs().get(0);
    String x =
        flat.get(index)
            ? values.get(index)
            : out.node(
                "Flatten",
                List.of(values.get(index)),
                node.name() + ".flat",
                attributes("axis", 1L));
    return out.node("Gemm", withParameters(x, node), name(node), attributes("transB", 1L));
  }
}
