package org.jresnet.backend.reference;

import static org.jresnet.backend.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Slot;
import org.jresnet.backend.reference.ReferenceBuffer.View;

/**
 * {@code y = x + residual}; both gradients are {@code dy}, which is why residual networks train (He
 * et al. 2016, eq. 5).
 */
final class AddOp extends ReferenceOp {
  private final OpSpec.Add spec;

  AddOp(OpSpec.Add spec, Operands operands) {
    super(operands);
    this.spec = spec;
  }

  @Override
  public void forward() {
    View x = view(X);
    View residual = view(RESIDUAL);
    View y = view(Y);
    for (int i = 0; i < y.length; i++) {
      y.set(i, x.get(i) + residual.get(i));
    }
  }

  @Override
  public void backward() {
    share(DX, spec.dx());
    share(DRESIDUAL, spec.dresidual());
  }

  private void share(Slot slot, GradientWrite policy) {
    if (policy == GradientWrite.NONE) {
      return;
    }
    View dy = view(DY);
    View d = gradient(slot, policy);
    for (int i = 0; i < d.length; i++) {
      d.add(i, dy.get(i));
    }
  }
}
