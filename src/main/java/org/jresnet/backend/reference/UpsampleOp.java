package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.Upsample;

/**
 * Pixels repeated u times each way (<a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.Upsample.html">torch.nn.Upsample</a>,
 * nearest):
 *
 * <pre>
 *   y[n,p,q,c]  = x[n, p div u, q div u, c]
 *   dx[n,h,w,c] = Σ dy[n,p,q,c]     over the u² pixels with p div u = h, q div u = w
 * </pre>
 */
final class UpsampleOp extends ReferenceOp {
  private final int scale;

  UpsampleOp(OpSpec spec, Operands operands) {
    super(spec, operands);
    scale = ((Upsample) spec.op()).scale();
  }

  @Override
  public void forward() {
    View x = view(X);
    View y = view(Y);
    spec.y()
        .forEach(
            (n, p, q, c) ->
                y.set(spec.y().at(n, p, q, c), x.get(spec.x().at(n, p / scale, q / scale, c))));
  }

  @Override
  public void backward() {
    if (spec.write(DX) == GradientWrite.NONE) {
      return;
    }
    View dy = view(DY);
    View dx = gradient(DX, spec.write(DX));
    spec.y()
        .forEach(
            (n, p, q, c) ->
                dx.add(spec.x().at(n, p / scale, q / scale, c), dy.get(spec.y().at(n, p, q, c))));
  }
}
