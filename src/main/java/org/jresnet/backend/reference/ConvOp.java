package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import java.util.stream.IntStream;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Conv2d.Bias;
import org.jresnet.graph.Slot;

/**
 * Convolution (cross-correlation, as in <a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html">torch.nn.Conv2d</a>) with
 * strides u, v, paddings o, m and dilations e, f along rows and columns. Channel i of the output
 * belongs to group γ = ⌊i / (k/groups)⌋, which sees the channels γ·(c/groups) + j of the input:
 *
 * <pre>
 *   y[n,p,q,i]   = b[i] + Σ_{r,s,j}  x[n, p·u+r·e−o, q·v+s·f−m, γ·(c/groups)+j] · w[i,j,r,s]
 *   dx[n,h,w,·]  = Σ_{i,r,s}  dy[n,p,q,i] · w[i,j,r,s]     over p,q with p·u+r·e−o = h, q·v+s·f−m = w
 *   dw[i,j,r,s]  = Σ_{n,p,q}  dy[n,p,q,i] · x[n, p·u+r·e−o, q·v+s·f−m, γ·(c/groups)+j]
 *   db[i]        = Σ_{n,p,q}  dy[n,p,q,i]
 * </pre>
 *
 * The first three are one loop over (output position, filter position) and differ only in which of
 * the three factors is summed. Filters are turned to {@code krsc} first, so that every inner loop
 * runs over consecutive channels.
 */
final class ConvOp extends ReferenceOp {
  private final Conv2d conv;
  private final int k;

  /** Channels that one filter sees. */
  private final int c;

  /** Filters of one group. */
  private final int filters;

  /** Places in a filter, r·s. */
  private final int taps;

  ConvOp(OpSpec spec, Operands operands) {
    super(spec, operands);
    conv = (Conv2d) spec.op();
    k = conv.k();
    c = conv.c() / conv.groups();
    filters = k / conv.groups();
    taps = conv.taps();
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
        for (int r = 0; r < conv.rows().size(); r++) {
          int h = conv.rows().at(p, r);
          for (int s = 0; s < conv.columns().size(); s++) {
            int w = conv.columns().at(q, s);
            if (h >= 0 && h < spec.x().h() && w >= 0 && w < spec.x().w()) {
              int x = ((n * spec.x().h() + h) * spec.x().w() + w) * conv.c();
              visit.at(y, x, r * conv.columns().size() + s);
            }
          }
        }
      }
    }
  }

  /** First channel of the group that filter i belongs to. */
  private int group(int i) {
    return i / filters * c;
  }

  /** Index of w[i,r,s,0] in krsc order. */
  private int filter(int i, int rs) {
    return (i * taps + rs) * c;
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
    return (i / c / taps * c + i % c) * taps + i / c % taps;
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
                        int from = fromX + group(i);
                        double sum = 0;
                        for (int j = 0; j < c; j++) {
                          sum += x.get(from + j) * w[fromW + j];
                        }
                        y.add(toY + i, sum);
                      }
                    }));
    if (conv.bias() == Bias.PER_CHANNEL) {
      View b = view(BIAS);
      for (int i = 0; i < y.length; i++) {
        y.add(i, b.get(i % k));
      }
    }
  }

  @Override
  public void backward() {
    if (spec.write(Slot.DX) != GradientWrite.NONE) {
      dx();
    }
    if (spec.write(Slot.DWEIGHT) != GradientWrite.NONE) {
      dweight();
    }
    if (spec.write(Slot.DBIAS) != GradientWrite.NONE) {
      View dy = view(DY);
      View db = gradient(DBIAS, spec.write(Slot.DBIAS));
      for (int i = 0; i < dy.length; i++) {
        db.add(i % k, dy.get(i));
      }
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
                        int to = toX + group(i);
                        double g = dy.get(fromY + i);
                        for (int j = 0; j < c; j++) {
                          dx.add(to + j, g * w[fromW + j]);
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
                        int from = fromX + group(i);
                        double g = dy.get(fromY + i);
                        for (int j = 0; j < c; j++) {
                          sums[toW + j] += g * x.get(from + j);
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
