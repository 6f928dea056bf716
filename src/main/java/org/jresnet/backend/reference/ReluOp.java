package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.Slot;

/**
 * {@code y = max(x, 0)}; {@code dx = dy} where {@code y > 0}, else 0 (<a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.ReLU.html">torch.nn.ReLU</a>). Backward
 * needs y alone, so x may be forgotten.
 */
final class ReluOp extends ReferenceOp {

  ReluOp(OpSpec spec, Operands operands) {
    super(spec, operands);
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
    if (spec.write(Slot.DX) == GradientWrite.NONE) {
      return;
    }
    View y = view(Y);
    View dy = view(DY);
    View dx = gradient(DX, spec.write(Slot.DX));
    for (int i = 0; i < dx.length; i++) {
      dx.add(i, y.get(i) <= 0 ? 0 : dy.get(i));
    }
  }
}
