package org.jresnet.backend.reference;

import static org.jresnet.backend.Slot.*;

import java.util.stream.IntStream;
import org.jresnet.backend.Grad;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;

/**
 * Convolution (cross-correlation, as in <a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html">torch.nn.Conv2d</a>),
 * stride u, padding o:
 *
 * <pre>
 *   y[n,p,q,k]   = Σ_{r,s,c}  x[n, p·u+r−o, q·u+s−o, c] · w[k,c,r,s]
 *   dx[n,h,w,c]  = Σ_{k,r,s}  dy[n,p,q,k] · w[k,c,r,s]        over p,q with p·u+r−o = h, q·u+s−o = w
 *   dw[k,c,r,s]  = Σ_{n,p,q}  dy[n,p,q,k] · x[n, p·u+r−o, q·u+s−o, c]
 * </pre>
 */
final class ConvOp extends ReferenceOp {
  private final OpSpec.Conv spec;

  ConvOp(OpSpec.Conv spec, Operands operands) {
    super(operands);
    this.spec = spec;
  }

  /** Called for every pair of an output element's position and an input element that it sees. */
  private interface Visit {
    void at(int y, int x, int rs);
  }

  /**
   * Visits the window of every output position of image n: indices of y[n,p,q,0], x[n,h,w,0] and
   * r·s.
   */
  private void windows(int n, Visit visit) {
    int size = spec.window().kernel();
    for (int p = 0; p < spec.y().h(); p++) {
      for (int q = 0; q < spec.y().w(); q++) {
        int y = ((n * spec.y().h() + p) * spec.y().w() + q) * spec.y().c();
        for (int r = 0; r < size; r++) {
          int h = p * spec.window().stride() + r - spec.window().padding();
          for (int s = 0; s < size; s++) {
            int w = q * spec.window().stride() + s - spec.window().padding();
            if (h >= 0 && h < spec.x().h() && w >= 0 && w < spec.x().w()) {
              visit.at(y, ((n * spec.x().h() + h) * spec.x().w() + w) * spec.x().c(), r * size + s);
            }
          }
        }
      }
    }
  }

  @Override
  public void forward() {
    View x = view(X);
    View w = view(WEIGHT);
    View y = view(Y);
    int channels = spec.x().c();
    int area = spec.window().kernel() * spec.window().kernel();
    y.zero();
    // Images are independent, so they may run side by side.
    IntStream.range(0, spec.y().n())
        .parallel()
        .forEach(
            n ->
                windows(
                    n,
                    (at, from, rs) -> {
                      for (int k = 0; k < spec.y().c(); k++) {
                        double sum = 0;
                        for (int c = 0; c < channels; c++) {
                          sum += x.get(from + c) * w.get((k * channels + c) * area + rs);
                        }
                        y.add(at + k, sum);
                      }
                    }));
  }

  @Override
  public void backward() {
    View x = view(X);
    View w = view(WEIGHT);
    View dy = view(DY);
    int channels = spec.x().c();
    int area = spec.window().kernel() * spec.window().kernel();
    if (spec.dx() != Grad.NONE) {
      View dx = gradient(DX, spec.dx());
      for (int n = 0; n < spec.y().n(); n++) {
        windows(
            n,
            (at, from, rs) -> {
              for (int k = 0; k < spec.y().c(); k++) {
                for (int c = 0; c < channels; c++) {
                  dx.add(from + c, dy.get(at + k) * w.get((k * channels + c) * area + rs));
                }
              }
            });
      }
    }
    if (spec.dweight() != Grad.NONE) {
      View dw = gradient(DWEIGHT, spec.dweight());
      for (int n = 0; n < spec.y().n(); n++) {
        windows(
            n,
            (at, from, rs) -> {
              for (int k = 0; k < spec.y().c(); k++) {
                for (int c = 0; c < channels; c++) {
                  dw.add((k * channels + c) * area + rs, dy.get(at + k) * x.get(from + c));
                }
              }
            });
      }
    }
  }
}
