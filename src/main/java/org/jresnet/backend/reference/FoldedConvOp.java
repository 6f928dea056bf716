package org.jresnet.backend.reference;

import static org.jresnet.backend.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Pass;
import org.jresnet.backend.reference.ReferenceBuffer.View;

/**
 * Inference convolution with its batch norm, residual and activation, written as what it stands for
 * rather than as the folded form:
 *
 * <pre>
 *   y = act((x∗w − mean)/√(var+eps)·gamma + beta + residual)
 * </pre>
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
                GradientWrite.NONE,
                GradientWrite.NONE),
            operands);
  }

  @Override
  public void forward() {
    // The residual is the same tensor as y, which the convolution is about to overwrite.
    double[] residual =
        spec.residual() == OpSpec.Residual.ADD
            ? view(RESIDUAL).copy()
            : new double[Math.toIntExact(spec.y().elements())];
    conv.forward();
    View y = view(Y);
    View gamma = view(GAMMA);
    View beta = view(BETA);
    View mean = view(RUNNING_MEAN);
    View variance = view(RUNNING_VAR);
    for (int i = 0; i < y.length; i++) {
      int k = i % spec.y().c();
      double normed = (y.get(i) - mean.get(k)) / Math.sqrt(variance.get(k) + spec.eps());
      double v = normed * gamma.get(k) + beta.get(k) + residual[i];
      y.set(i, activate(spec.activation(), v));
    }
  }

  @Override
  public void backward() {
    throw new UnsupportedOperationException("a folded convolution is for inference alone");
  }
}
