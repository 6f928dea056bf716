package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.Op;

/**
 * Inference convolution with its batch norm, residual and activation, written as what it stands for
 * rather than as the folded form:
 *
 * <pre>
 *   y = act((x∗w − mean)/√(var+eps)·gamma + beta + residual)
 * </pre>
 */
final class FoldedConvOp extends ReferenceOp {
  private final ConvOp conv;
  private final Op.BatchNorm norm;

  FoldedConvOp(OpSpec spec, Operands operands) {
    super(spec, operands);
    norm = (Op.BatchNorm) spec.part(Op.Part.NORM).orElseThrow();
    conv = new ConvOp(spec, operands);
  }

  @Override
  public void forward() {
    // The residual is the same tensor as y, which the convolution is about to overwrite.
    double[] residual =
        spec.adds() ? view(RESIDUAL).copy() : new double[Math.toIntExact(spec.y().elements())];
    conv.forward();
    View y = view(Y);
    View gamma = view(GAMMA);
    View beta = view(BETA);
    View mean = view(RUNNING_MEAN);
    View variance = view(RUNNING_VAR);
    for (int i = 0; i < y.length; i++) {
      int k = i % spec.y().c();
      double normed = (y.get(i) - mean.get(k)) / Math.sqrt(variance.get(k) + norm.eps());
      double v = normed * gamma.get(k) + beta.get(k) + residual[i];
      y.set(i, activate(v));
    }
  }

  @Override
  public void backward() {
    throw new UnsupportedOperationException("a folded convolution is for inference alone");
  }
}
