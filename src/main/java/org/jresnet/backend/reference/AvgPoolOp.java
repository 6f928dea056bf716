package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.AvgPool;
import org.jresnet.graph.AvgPool.Divisor;

/**
 * Mean over a window (<a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html">torch.nn.AvgPool2d</a>),
 * stride u, padding o, size k; m is k², or the pixels of the window that lie in the image:
 *
 * <pre>
 *   y[n,p,q,c]  = Σ_{r,s} x[n, p·u+r−o, q·u+s−o, c] / m[p,q]
 *   dx[n,h,w,c] = Σ dy[n,p,q,c] / m[p,q]     over the p,q whose window holds h,w
 * </pre>
 */
final class AvgPoolOp extends ReferenceOp {
  private final AvgPool pool;

  AvgPoolOp(OpSpec spec, Operands operands) {
    super(spec, operands);
    pool = (AvgPool) spec.op();
  }

  /** What is done for each pixel of a window. */
  private interface Term {
    void at(int h, int w);
  }

  /** Goes over the pixels of the window that lie in the image; returns what divides their sum. */
  private int window(int p, int q, Term term) {
    int pixels = 0;
    for (int r = 0; r < pool.kernel(); r++) {
      for (int s = 0; s < pool.kernel(); s++) {
        int h = p * pool.stride() + r - pool.padding();
        int w = q * pool.stride() + s - pool.padding();
        if (h >= 0 && h < spec.x().h() && w >= 0 && w < spec.x().w()) {
          term.at(h, w);
          pixels++;
        }
      }
    }
    return pool.divisor() == Divisor.WINDOW ? pool.kernel() * pool.kernel() : pixels;
  }

  @Override
  public void forward() {
    View x = view(X);
    View y = view(Y);
    y.zero();
    spec.y()
        .forEach(
            (n, p, q, c) -> {
              int i = spec.y().at(n, p, q, c);
              int m = window(p, q, (h, w) -> y.add(i, x.get(spec.x().at(n, h, w, c))));
              y.set(i, y.get(i) / m);
            });
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
            (n, p, q, c) -> {
              int m = window(p, q, (h, w) -> {});
              double share = dy.get(spec.y().at(n, p, q, c)) / m;
              window(p, q, (h, w) -> dx.add(spec.x().at(n, h, w, c), share));
            });
  }
}
