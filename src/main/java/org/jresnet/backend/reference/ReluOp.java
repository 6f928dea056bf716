package org.jresnet.backend.reference;

import static org.jresnet.backend.Slot.*;

import org.jresnet.backend.Grad;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;

/** {@code y = max(x, 0)}; {@code dx = dy} where {@code y > 0}, else 0. */
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
      y.set(i, Math.max(x.get(i), 0));
    }
  }

  @Override
  public void backward() {
    if (spec.dx() == Grad.NONE) {
      return;
    }
    View y = view(Y);
    View dy = view(DY);
    View dx = gradient(DX, spec.dx());
    for (int i = 0; i < dx.length; i++) {
      dx.add(i, y.get(i) > 0 ? dy.get(i) : 0);
    }
  }
}
