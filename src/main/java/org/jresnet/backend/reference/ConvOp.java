package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Conv2d.Bias;

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
 * The first three are sums of the same products: {@link ConvSums}.
 */
final class ConvOp extends ReferenceOp {
  private final ConvSums sums;
  private final Bias bias;

  ConvOp(OpSpec spec, Operands operands) {
    super(spec, operands);
    Conv2d conv = (Conv2d) spec.op();
    sums = new ConvSums(conv, spec.x(), spec.y());
    bias = conv.bias();
  }

  @Override
  public void forward() {
    View y = view(Y);
    y.zero();
    sums.addToY(view(X), view(WEIGHT), y);
    if (bias == Bias.PER_CHANNEL) {
      View b = view(BIAS);
      for (int i = 0; i < y.length; i++) {
        y.add(i, b.get(i % b.length));
      }
    }
    if (spec.output().summed()) {
      View sums = view(Y_SUMS);
      sums.zero();
      int k = spec.y().c();
      for (int i = 0; i < y.length; i++) {
        sums.add(i % k, y.get(i));
        sums.add(k + i % k, y.get(i) * y.get(i));
      }
    }
  }

  @Override
  public void backward() {
    if (spec.write(DX) != GradientWrite.NONE) {
      sums.addToX(view(DY), view(WEIGHT), gradient(DX, spec.write(DX)));
    }
    if (spec.write(DWEIGHT) != GradientWrite.NONE) {
      sums.addToWeight(view(X), view(DY), gradient(DWEIGHT, spec.write(DWEIGHT)));
    }
    if (spec.write(DBIAS) != GradientWrite.NONE) {
      View dy = view(DY);
      View db = gradient(DBIAS, spec.write(DBIAS));
      for (int i = 0; i < dy.length; i++) {
        db.add(i % db.length, dy.get(i));
      }
    }
  }
}
