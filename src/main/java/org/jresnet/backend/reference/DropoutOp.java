package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import org.jresnet.backend.Draws;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;

/**
 * Zeros at random (<a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.Dropout.html">torch.nn.Dropout</a>, <a
 * href="https://pytorch.org/vision/stable/generated/torchvision.ops.stochastic_depth.html">torchvision.ops.stochastic_depth</a>);
 * unit u is an element or an image:
 *
 * <pre>
 *   m[u]  = 1/(1−p) if draw number u stays, else 0     1 in evaluation
 *   y[i]  = x[i] · m[u(i)]
 *   dx[i] = dy[i] · m[u(i)]
 * </pre>
 */
final class DropoutOp extends ReferenceOp {
  private final Draws draws;

  DropoutOp(OpSpec spec, Operands operands) {
    super(spec, operands);
    draws = Draws.of(spec);
  }

  /** The factor of element i. */
  private double factor(int i) {
    return spec.mode() == Mode.TRAIN ? draws.factor(Draws.bits(view(KEY).get(0)), i) : 1;
  }

  @Override
  public void forward() {
    View x = view(X);
    View y = view(Y);
    for (int i = 0; i < y.length; i++) {
      y.set(i, x.get(i) * factor(i));
    }
  }

  @Override
  public void backward() {
    if (spec.write(DX) == GradientWrite.NONE) {
      return;
    }
    View dy = view(DY);
    View dx = gradient(DX, spec.write(DX));
    for (int i = 0; i < dx.length; i++) {
      dx.add(i, dy.get(i) * factor(i));
    }
  }
}
