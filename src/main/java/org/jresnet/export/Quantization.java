package org.jresnet.export;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.QuantParams;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.export.OnnxGraph.Type;
import org.jresnet.graph.DType;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Op;

/**
 * Which tensors of a graph are held as 8-bit integers, and the pairs of QuantizeLinear and
 * DequantizeLinear that say so: the input and every output with a measured range, and convolutions'
 * filters, per channel, where their input is.
 */
final class Quantization {
  /** Biases stay this far from the ends of 32 bits, so that sums have room. */
  private static final double LARGEST_BIAS = 1 << 30;

  private static final int EIGHT_BITS = 127;

  /** Two products with bytes of up to 255 stay below 2^15. */
  private static final int SEVEN_BITS = 63;

  /** Nothing is quantised. */
  static final Quantization NONE = new Quantization(Map.of(), 0);

  private final Map<Integer, QuantParams> byNode;
  private final int largestFilter;

  private Quantization(Map<Integer, QuantParams> byNode, int largestFilter) {
    this.byNode = byNode;
    this.largestFilter = largestFilter;
  }

  /**
   * By measured ranges.
   *
   * @param ranges largest magnitude per node
   * @param reduceRange see {@link OnnxOptions#reduceRange}
   * @throws UserError when there are ranges of nodes that the graph does not have
   */
  static Quantization of(
      Graph graph, Map<String, Float> ranges, Normalization normalization, boolean reduceRange) {
    Set<String> unknown = new TreeSet<>(ranges.keySet());
    graph.nodes().forEach(node -> unknown.remove(node.name()));
    if (!unknown.isEmpty()) {
      throw new UserError(
          Text.format(
              "the ranges for int8 are of another network: %s has no nodes %s; measure them anew"
                  + " with jresnet quantize",
              graph.name(), unknown.stream().limit(5).toList()));
    }
    Map<Integer, QuantParams> byNode = new HashMap<>();
    for (Node node : graph.nodes()) {
      Float range = ranges.get(node.name());
      if (node.inputs().isEmpty()) {
        byNode.put(node.index(), QuantParams.of(normalization));
      } else if (range != null) {
        byNode.put(node.index(), QuantParams.of(range, !node.op().nonNegative()));
      } else if (node.op().int8() == Op.Int8.KEEPS && byNode.containsKey(node.inputs().get(0))) {
        byNode.put(node.index(), byNode.get(node.inputs().get(0)));
      }
    }
    return new Quantization(byNode, reduceRange ? SEVEN_BITS : EIGHT_BITS);
  }

  /** How a node's output is held, if as integers. */
  Optional<QuantParams> of(Node node) {
    return Optional.ofNullable(byNode.get(node.index()));
  }

  /** Rounds a value to its integers and back. */
  String pair(OnnxGraph out, String value, String node, QuantParams params) {
    String scale =
        out.floats(node + ".scale", List.of(), new float[] {(float) params.scale()}, Type.FLOAT);
    Type type = params.type() == DType.U8 ? Type.UINT8 : Type.INT8;
    String zero = out.integers("zero_" + type, type, List.of(), new int[1]);
    String integers = out.node("QuantizeLinear", List.of(value, scale, zero), node + ".quantized");
    return out.node("DequantizeLinear", List.of(integers, scale, zero), node + ".dequantized");
  }

  /**
   * Filters as 8-bit integers with a scale per channel, biases as 32-bit integers of the scale that
   * sums of products have.
   *
   * @return names of the dequantised filters, and of the biases where there are some
   */
  List<String> filters(OnnxGraph out, String node, Filters filters, QuantParams x) {
    int channels = Math.toIntExact(filters.shape().get(0));
    int each = filters.weight().length / channels;
    float[] scales = new float[channels];
    int[] integers = new int[filters.weight().length];
    for (int k = 0; k < channels; k++) {
      double largest = 0;
      for (int i = k * each; i < (k + 1) * each; i++) {
        largest = Math.max(largest, Math.abs(filters.weight()[i]));
      }
      double bias = filters.bias().length == 0 ? 0 : Math.abs(filters.bias()[k]);
      double scale = Math.max(largest / largestFilter, bias / (x.scale() * LARGEST_BIAS));
      scales[k] = scale < Float.MIN_NORMAL ? 1 : (float) scale;
      for (int i = k * each; i < (k + 1) * each; i++) {
        double integer = Math.rint(filters.weight()[i] / scales[k]);
        integers[i] = (int) Math.max(-largestFilter, Math.min(largestFilter, integer));
      }
    }
    List<String> names = new ArrayList<>();
    names.add(dequantized(out, node + ".weight", Type.INT8, filters.shape(), integers, scales));
    if (filters.bias().length > 0) {
      int[] biases = new int[channels];
      float[] sums = new float[channels];
      for (int k = 0; k < channels; k++) {
        sums[k] = (float) (x.scale() * scales[k]);
        biases[k] = (int) Math.rint((double) filters.bias()[k] / sums[k]);
      }
      List<Long> shape = List.of((long) channels);
      names.add(dequantized(out, node + ".bias", Type.INT32, shape, biases, sums));
    }
    return names;
  }

  private static String dequantized(
      OnnxGraph out, String name, Type type, List<Long> shape, int[] integers, float[] scales) {
    List<Long> channels = List.of((long) scales.length);
    String quantized = out.integers(name + ".quantized", type, shape, integers);
    String scale = out.floats(name + ".scale", channels, scales, Type.FLOAT);
    String zero = out.integers(name + ".zero", type, channels, new int[scales.length]);
    return out.node(
        "DequantizeLinear",
        List.of(quantized, scale, zero),
        name,
        OnnxGraph.attributes("axis", 0L));
  }
}
