package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Pass;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.Op;
import org.jresnet.graph.Slot;

/**
 * Maximum over a window (<a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html">torch.nn.MaxPool2d</a>),
 * stride u, padding o:
 *
 * <pre>
 *   y[n,p,q,c]  = max_{r,s} x[n, p·u+r−o, q·u+s−o, c]          padding never wins
 *   dx[n,h,w,c] = Σ dy[n,p,q,c]   over the p,q whose window was won by h,w
 * </pre>
 *
 * Of equal maxima the first in row-major order wins. NaN beats every number, and a later NaN beats
 * an earlier one; this is what torch computes on CPUs.
 */
final class MaxPoolOp extends ReferenceOp {
  private final Op.MaxPool pool;

  MaxPoolOp(OpSpec spec, Operands operands) {
    super(spec, operands);
    pool = (Op.MaxPool) spec.op();
  }

  @Override
  public void forward() {
    View x = view(X);
    View y = view(Y);
    View winners = spec.pass() == Pass.TRAINING ? saved(y.length) : null;
    for (int i = 0; i < y.length; i++) {
      int winner = winner(x, i);
      y.set(i, x.get(winner));
      if (winners != null) {
        winners.set(i, winner);
      }
    }
  }

  /** Index in x of the element that wins the window of y's element i. */
  private int winner(View x, int i) {
    int channels = spec.y().c();
    int size = pool.kernel();
    int c = i % channels;
    int q = i / channels % spec.y().w();
    int p = i / channels / spec.y().w() % spec.y().h();
    int n = i / channels / spec.y().w() / spec.y().h();
    int best = -1;
    for (int r = 0; r < size; r++) {
      int h = p * pool.stride() + r - pool.padding();
      for (int s = 0; s < size; s++) {
        int w = q * pool.stride() + s - pool.padding();
        if (h >= 0 && h < spec.x().h() && w >= 0 && w < spec.x().w()) {
          int at = ((n * spec.x().h() + h) * spec.x().w() + w) * channels + c;
          if (best < 0 || x.get(at) > x.get(best) || Double.isNaN(x.get(at))) {
            best = at;
          }
        }
      }
    }
    return best;
  }

  @Override
  public void backward() {
    if (spec.write(Slot.DX) == GradientWrite.NONE) {
      return;
    }
    View dy = view(DY);
    View dx = gradient(DX, spec.write(Slot.DX));
    View winners = saved(dy.length);
    for (int i = 0; i < dy.length; i++) {
      dx.add((int) winners.get(i), dy.get(i));
    }
  }
}
