package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.Slot;

/**
 * {@code y = x + residual}; both gradients are {@code dy}, which is why residual networks train (He
 * et al. 2016, eq. 5).
 */
final class AddOp extends ReferenceOp {

  AddOp(OpSpec spec, Operands operands) {
    super(spec, operands);
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
    share(DX, spec.write(Slot.DX));
    share(DRESIDUAL, spec.write(Slot.DRESIDUAL));
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
