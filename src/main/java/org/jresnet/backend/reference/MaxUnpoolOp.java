package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.MaxUnpool;
import org.jresnet.graph.Shape;

/**
 * Values x go to the maxima of z, which a max pool took (<a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool2d.html">torch.nn.MaxUnpool2d</a>);
 * a[n,p,q,c] is the first h,w of the largest z in window p,q:
 *
 * <pre>
 *   y[n,a[n,p,q,c],c] = x[n,p,q,c]     all other places get 0
 *   dx[n,p,q,c]       = dy[n,a[n,p,q,c],c]
 * </pre>
 */
final class MaxUnpoolOp extends ReferenceOp {
  private final MaxUnpool pool;

  MaxUnpoolOp(OpSpec spec, Operands operands) {
    super(spec, operands);
    pool = (MaxUnpool) spec.op();
  }

  /** Index in z of the largest value of a window; the first of equal ones, NaN before numbers. */
  private int largest(View z, int n, int p, int q, int c) {
    Shape in = spec.y();
    int best = -1;
    for (int r = 0; r < pool.kernel(); r++) {
      for (int s = 0; s < pool.kernel(); s++) {
        int h = p * pool.stride() + r - pool.padding();
        int w = q * pool.stride() + s - pool.padding();
        if (h >= 0 && h < in.h() && w >= 0 && w < in.w()) {
          int at = in.at(n, h, w, c);
          if (best < 0 || z.get(at) > z.get(best) || Double.isNaN(z.get(at))) {
            best = at;
          }
        }
      }
    }
    return best;
  }

  @Override
  public void forward() {
    View x = view(X);
    View z = view(RESIDUAL);
    View y = view(Y);
    y.zero();
    spec.x().forEach((n, p, q, c) -> y.set(largest(z, n, p, q, c), x.get(spec.x().at(n, p, q, c))));
  }

  @Override
  public void backward() {
    if (spec.write(DX) == GradientWrite.NONE) {
      return;
    }
    View z = view(RESIDUAL);
    View dy = view(DY);
    View dx = gradient(DX, spec.write(DX));
    spec.x()
        .forEach((n, p, q, c) -> dx.add(spec.x().at(n, p, q, c), dy.get(largest(z, n, p, q, c))));
  }
}
