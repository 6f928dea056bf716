package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Slot;

/**
 * A function of each element, {@code y = f(x)} and {@code dx = f′·dy}, as torch computes it (<a
 * href="https://pytorch.org/docs/stable/nn.html#non-linear-activations-weighted-sum-nonlinearity">torch.nn</a>):
 *
 * <pre>
 *                 f(x)                       f′
 *   ReLU          max(x, 0)                  1 where y > 0, else 0
 *   ReLU6         min(max(x, 0), 6)          1 where 0 < y < 6, else 0
 *   leaky ReLU    x ≥ 0 ? x : slope·x        1 where y > 0, else slope
 *   sigmoid       σ(x) = 1 / (1 + e⁻ˣ)       y·(1 − y)
 *   SiLU          x·σ(x)                     σ(x)·(1 + x·(1 − σ(x)))
 *   hard-swish    x·relu6(x + 3) / 6         0 where x ≤ −3, x/3 + 1/2 where x < 3, else 1
 *   hard-sigmoid  relu6(x + 3) / 6           1/6 where −3 < x < 3, else 0
 * </pre>
 */
final class ActivationOp extends ReferenceOp {
  private final Activation activation;

  ActivationOp(OpSpec spec, Operands operands) {
    super(spec, operands);
    activation = (Activation) spec.op();
  }

  /** f(x); NaN stays NaN. */
  static double value(Activation f, double x) {
    return switch (f.function()) {
      case RELU -> Math.max(x, 0);
      case RELU6 -> relu6(x);
      case LEAKY_RELU -> x >= 0 ? x : f.slope() * x;
      case SIGMOID -> sigmoid(x);
      case SILU -> x * sigmoid(x);
      case HARD_SWISH -> x * relu6(x + 3) / 6;
      case HARD_SIGMOID -> relu6(x + 3) / 6;
    };
  }

  /** f′ by the input or the output, whichever {@link Activation#reads} names. */
  static double derivative(Activation f, double v) {
    return switch (f.function()) {
      case RELU -> v <= 0 ? 0 : 1;
      case RELU6 -> v <= 0 || v >= 6 ? 0 : 1;
      case LEAKY_RELU -> v > 0 ? 1 : f.slope();
      case SIGMOID -> v * (1 - v);
      case SILU -> sigmoid(v) * (1 + v * (1 - sigmoid(v)));
      case HARD_SWISH -> v <= -3 ? 0 : v < 3 ? v / 3 + 0.5 : 1;
      case HARD_SIGMOID -> v > -3 && v < 3 ? 1.0 / 6 : 0;
    };
  }

  private static double relu6(double x) {
    return Math.min(Math.max(x, 0), 6);
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  @Override
  public void forward() {
    View x = view(X);
    View y = view(Y);
    for (int i = 0; i < y.length; i++) {
      y.set(i, value(activation, x.get(i)));
    }
  }

  @Override
  public void backward() {
    if (spec.write(Slot.DX) == GradientWrite.NONE) {
      return;
    }
    View v = view(activation.reads(DX).iterator().next());
    View dy = view(DY);
    View dx = gradient(DX, spec.write(Slot.DX));
    for (int i = 0; i < dx.length; i++) {
      double slope = derivative(activation, v.get(i));
      // A gradient that is not finite does not get through a slope of 0.
      dx.add(i, slope == 0 ? 0 : slope * dy.get(i));
    }
  }
}
