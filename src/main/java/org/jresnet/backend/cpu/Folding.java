package org.jresnet.backend.cpu;

import java.nio.FloatBuffer;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.Op;
import org.jresnet.graph.Slot;

/**
 * A batch norm with running statistics folded into the convolution before it:
 *
 * <pre>
 *   scale[k] = gamma[k] / √(var[k] + eps)     weight'[k] = weight[k]·scale[k]     bias'[k] = beta[k] + (bias[k] − mean[k])·scale[k]
 * </pre>
 */
final class Folding {
  /** Takes one output channel. */
  interface Sink {
    /** The filter is overwritten by the next channel's. */
    void channel(int k, float[] filter, float bias);
  }

  private Folding() {}

  /** Writes filters and biases, each side by side; {@code spec} has the norm in its tail. */
  static void into(OpSpec spec, Operands operands, FloatBuffer filters, FloatBuffer biases) {
    Op.BatchNorm norm = (Op.BatchNorm) spec.part(Op.Part.NORM).orElseThrow();
    of(
        operands,
        norm.eps(),
        (k, filter, bias) -> {
          filters.put(k * filter.length, filter);
          biases.put(k, bias);
        });
  }

  static void of(Operands operands, double eps, Sink sink) {
    float[] gamma = operands.get(Slot.GAMMA).toFloats();
    float[] beta = operands.get(Slot.BETA).toFloats();
    float[] mean = operands.get(Slot.RUNNING_MEAN).toFloats();
    float[] variance = operands.get(Slot.RUNNING_VAR).toFloats();
    float[] bias =
        operands.has(Slot.BIAS) ? operands.get(Slot.BIAS).toFloats() : new float[gamma.length];
    FloatBuffer weight = CpuBuffer.floats(operands.get(Slot.WEIGHT));
    float[] filter = new float[weight.capacity() / gamma.length];
    for (int k = 0; k < gamma.length; k++) {
      double scale = gamma[k] / Math.sqrt(variance[k] + eps);
      weight.get(k * filter.length, filter);
      for (int i = 0; i < filter.length; i++) {
        filter[i] = (float) (filter[i] * scale);
      }
      sink.channel(k, filter, (float) (beta[k] + ((double) bias[k] - mean[k]) * scale));
    }
  }
}
