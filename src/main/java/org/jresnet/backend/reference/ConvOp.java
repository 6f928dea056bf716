package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import java.util.stream.IntStream;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.Op;
import org.jresnet.graph.Slot;

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
 *
 * The three are one loop over (output position, filter position) and differ only in which of the
 * three factors is summed. Filters are turned to {@code krsc} first, so that every inner loop runs
 * over consecutive channels.
 */
final class ConvOp extends ReferenceOp {
  private final Op.Conv2d conv;
  private final int c;
  private final int k;

  /** Extent of the filter, r = s. */
  private final int extent;

  ConvOp(OpSpec spec, Operands operands) {
    super(spec, operands);
    conv = (Op.Conv2d) spec.op();
    c = spec.x().c();
    k = spec.y().c();
    extent = conv.kernel();
  }

  /** What happens at one filter position: y[n,p,q,·] sees x[n,h,w,·] through w[·,·,r,s]. */
  private interface Visit {
    void at(int y, int x, int rs);
  }

  /** Visits every filter position of every output position of image n, leaving out the padding. */
  private void windows(int n, Visit visit) {
    for (int p = 0; p < spec.y().h(); p++) {
      for (int q = 0; q < spec.y().w(); q++) {
        int y = ((n * spec.y().h() + p) * spec.y().w() + q) * k;
        for (int r = 0; r < extent; r++) {
          int h = p * conv.stride() + r - conv.padding();
          for (int s = 0; s < extent; s++) {
            int w = q * conv.stride() + s - conv.padding();
            if (h >= 0 && h < spec.x().h() && w >= 0 && w < spec.x().w()) {
              visit.at(y, ((n * spec.x().h() + h) * spec.x().w() + w) * c, r * extent + s);
            }
          }
        }
      }
    }
  }

  /** Index of w[i,r,s,0] in krsc order. */
  private int filter(int i, int rs) {
    return (i * extent * extent + rs) * c;
  }

  /** The weights in krsc order. */
  private double[] krsc() {
    View w = view(WEIGHT);
    double[] turned = new double[w.length];
    for (int i = 0; i < turned.length; i++) {
      turned[i] = w.get(kcrs(i));
    }
    return turned;
  }

  /** The index in kcrs order of element i in krsc order. */
  private int kcrs(int i) {
    int area = extent * extent;
    return (i / c / area * c + i % c) * area + i / c % area;
  }

  /** Images are independent of each other, so they run side by side. */
  private IntStream images() {
    return IntStream.range(0, spec.y().n()).parallel();
  }

  @Override
  public void forward() {
    View x = view(X);
    View y = view(Y);
    double[] w = krsc();
    y.zero();
    images()
        .forEach(
            n ->
                windows(
                    n,
                    (toY, fromX, rs) -> {
                      for (int i = 0; i < k; i++) {
                        int fromW = filter(i, rs);
                        double sum = 0;
                        for (int j = 0; j < c; j++) {
                          sum += x.get(fromX + j) * w[fromW + j];
                        }
                        y.add(toY + i, sum);
                      }
                    }));
  }

  @Override
  public void backward() {
    if (spec.write(Slot.DX) != GradientWrite.NONE) {
      dx();
    }
    if (spec.write(Slot.DWEIGHT) != GradientWrite.NONE) {
      dweight();
    }
  }

  private void dx() {
    View dy = view(DY);
    View dx = gradient(DX, spec.write(Slot.DX));
    double[] w = krsc();
    images()
        .forEach(
            n ->
                windows(
                    n,
                    (fromY, toX, rs) -> {
                      for (int i = 0; i < k; i++) {
                        int fromW = filter(i, rs);
                        double g = dy.get(fromY + i);
                        for (int j = 0; j < c; j++) {
                          dx.add(toX + j, g * w[fromW + j]);
                        }
                      }
                    }));
  }

  private void dweight() {
    View x = view(X);
    View dy = view(DY);
    View dw = gradient(DWEIGHT, spec.write(Slot.DWEIGHT));
    double[] sums = new double[dw.length];
    // Two halves of the output channels side by side: each filter is summed by one thread alone, in
    // the order of images, so the result does not depend on the number of threads.
    IntStream.range(0, 2)
        .parallel()
        .forEach(
            half -> {
              for (int n = 0; n < spec.y().n(); n++) {
                windows(
                    n,
                    (fromY, fromX, rs) -> {
                      for (int i = half * k / 2; i < (half + 1) * k / 2; i++) {
                        int toW = filter(i, rs);
                        double g = dy.get(fromY + i);
                        for (int j = 0; j < c; j++) {
                          sums[toW + j] += g * x.get(fromX + j);
                        }
                      }
                    });
              }
            });
    for (int i = 0; i < sums.length; i++) {
      dw.add(kcrs(i), sums[i]);
    }
  }
}
