package org.jresnet.backend.reference;

import static org.jresnet.backend.Slot.*;

import org.jresnet.backend.Grad;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Pass;
import org.jresnet.backend.reference.ReferenceBuffer.View;

/**
 * Inference convolution with its batch norm, residual and activation, written as what it stands for
 * rather than as the folded form: {@code y = act((x∗w − mean)/√(var+eps)·gamma + beta + residual)}.
 */
final class FoldedConvOp extends ReferenceOp {
  private final OpSpec.FoldedConv spec;
  private final ConvOp conv;

  FoldedConvOp(OpSpec.FoldedConv spec, Operands operands) {
    super(operands);
    this.spec = spec;
    conv =
        new ConvOp(
            new OpSpec.Conv(
                spec.x(),
                spec.y(),
                spec.window(),
                spec.type(),
                Pass.INFERENCE,
                Grad.NONE,
                Grad.NONE),
            operands);
  }

  @Override
  public void forward() {
    conv.forward();
    View y = view(Y);
    View gamma = view(GAMMA);
    View beta = view(BETA);
    View mean = view(RUNNING_MEAN);
    View variance = view(RUNNING_VAR);
    View residual = spec.residual() == OpSpec.Residual.ADD ? view(RESIDUAL) : null;
    int k = spec.y().c();
    for (int i = 0; i < y.length; i++) {
      int c = i % k;
      double v =
          (y.get(i) - mean.get(c)) / Math.sqrt(variance.get(c) + spec.eps()) * gamma.get(c)
              + beta.get(c);
      v += residual == null ? 0 : residual.get(i);
      y.set(i, spec.activation() == OpSpec.Activation.RELU ? Math.max(v, 0) : v);
    }
  }

  @Override
  public void backward() {
    throw new UnsupportedOperationException("a folded convolution is for inference alone");
  }
}
