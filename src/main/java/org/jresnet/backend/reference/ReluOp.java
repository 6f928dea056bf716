package org.jresnet.backend.reference;

import static org.jresnet.backend.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.OpSpec.Activation;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;

/**
 * {@code y = max(x, 0)}; {@code dx = dy} where {@code y > 0}, else 0 (<a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.ReLU.html">torch.nn.ReLU</a>). Backward
 * needs y alone, so x may be forgotten.
 */
final class ReluOp extends ReferenceOp {
  private final OpSpec.Relu spec;

  ReluOp(OpSpec.Relu spec, Operands operands) {
    super(operands);
    this.spec = spec;
  }

  @Override
  public void forward() {
    View x = view(X);
    View y = view(Y);
    for (int i = 0; i < y.length; i++) {
      y.set(i, activate(Activation.RELU, x.get(i)));
    }
  }

  @Override
  public void backward() {
    if (spec.dx() == GradientWrite.NONE) {
      return;
    }
    View y = view(Y);
    View dy = view(DY);
    View dx = gradient(DX, spec.dx());
    for (int i = 0; i < dx.length; i++) {
      dx.add(i, through(Activation.RELU, y.get(i), dy.get(i)));
    }
  }
}
