package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.Scale;

/** {@code y = a·x}; {@code dx = a·dy}. */
final class ScaleOp extends ReferenceOp {
  private final double factor;

  ScaleOp(OpSpec spec, Operands operands) {
    super(spec, operands);
    factor = ((Scale) spec.op()).factor();
  }

  @Override
  public void forward() {
    View x = view(X);
    View y = view(Y);
    for (int i = 0; i < y.length; i++) {
      y.set(i, factor * x.get(i));
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
      dx.add(i, factor * dy.get(i));
    }
  }
}
