package org.jresnet.export;

import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Node;
import org.jresnet.graph.Op;
import org.jresnet.graph.Parameter;

/**
 * Filters and biases of a convolution, with the batch norm behind it folded in: {@code w·s} and
 * {@code (b − mean)·s + β} with {@code s = γ / √(var + eps)} per channel of the output.
 *
 * @param shape {@code [k, c/groups, r, s]}
 * @param weight in that order
 * @param bias per channel of the output; empty where nothing is added
 */
record Filters(List<Long> shape, float[] weight, float[] bias) {
  static Filters of(Node node, Optional<Node> norm, Function<String, float[]> values) {
    Parameter filter = node.parameters().get(0);
    List<Long> shape = filter.shape().stream().map(Integer::longValue).toList();
    float[] weight = values.apply(filter.name());
    Conv2d conv = (Conv2d) node.op();
    float[] bias =
        conv.bias() == Conv2d.Bias.PER_CHANNEL
            ? values.apply(node.parameters().get(1).name())
            : new float[0];
    if (norm.isEmpty()) {
      return new Filters(shape, weight, bias);
    }
    Affine affine = Affine.of(norm.get(), values);
    float[] scaled = new float[weight.length];
    float[] shifted = new float[conv.k()];
    int each = weight.length / conv.k();
    for (int k = 0; k < conv.k(); k++) {
      for (int i = k * each; i < (k + 1) * each; i++) {
        scaled[i] = (float) (weight[i] * affine.scale[k]);
      }
      double before = bias.length == 0 ? 0 : bias[k];
      shifted[k] = (float) (before * affine.scale[k] + affine.shift[k]);
    }
    return new Filters(shape, scaled, shifted);
  }

  /**
   * What a batch norm does in evaluation.
   *
   * @param scale per channel
   * @param shift per channel
   */
  record Affine(double[] scale, double[] shift) {
    static Affine of(Node node, Function<String, float[]> values) {
      Op.BatchNorm norm = (Op.BatchNorm) node.op();
      float[] gamma = values.apply(node.name() + ".weight");
      float[] beta = values.apply(node.name() + ".bias");
      float[] mean = values.apply(node.name() + ".running_mean");
      float[] variance = values.apply(node.name() + ".running_var");
      double[] scale = new double[norm.c()];
      double[] shift = new double[norm.c()];
      for (int c = 0; c < norm.c(); c++) {
        scale[c] = gamma[c] / Math.sqrt(variance[c] + norm.eps());
        shift[c] = beta[c] - mean[c] * scale[c];
      }
      return new Affine(scale, shift);
    }

    float[] scales() {
      return single(scale);
    }

    float[] shifts() {
      return single(shift);
    }

    private static float[] single(double[] values) {
      float[] rounded = new float[values.length];
      for (int i = 0; i < values.length; i++) {
        rounded[i] = (float) values[i];
      }
      return rounded;
    }
  }
}
