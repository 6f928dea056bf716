package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.Conv2d.Bias;
import org.jresnet.graph.ConvTranspose2d;

/**
 * Transposed convolution (<a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html">torch.nn.ConvTranspose2d</a>;
 * Dumoulin and Visin, <a href="https://arxiv.org/abs/1603.07285">arXiv:1603.07285</a>, chapter 4),
 * letters as in {@link ConvOp}: channel j of the input belongs to group γ = ⌊j / (c/groups)⌋, which
 * fills the channels γ·(k/groups) + i of the output:
 *
 * <pre>
 *   y[n,h,w,·]   = b + Σ_{j,r,s}  x[n,p,q,j] · w[j,i,r,s]     over p,q with p·u+r·e−o = h, q·v+s·f−m = w
 *   dx[n,p,q,j]  = Σ_{r,s,i}  dy[n, p·u+r·e−o, q·v+s·f−m, γ·(k/groups)+i] · w[j,i,r,s]
 *   dw[j,i,r,s]  = Σ_{n,p,q}  x[n,p,q,j] · dy[n, p·u+r·e−o, q·v+s·f−m, γ·(k/groups)+i]
 *   db[i]        = Σ_{n,h,w}  dy[n,h,w,i]
 * </pre>
 *
 * These are the sums of the convolution from y to x with the same weights.
 */
final class ConvTransposeOp extends ReferenceOp {
  private final ConvSums sums;
  private final Bias bias;

  ConvTransposeOp(OpSpec spec, Operands operands) {
    super(spec, operands);
    ConvTranspose2d op = (ConvTranspose2d) spec.op();
    sums = new ConvSums(op.adjoint(), spec.y(), spec.x());
    bias = op.bias();
  }

  @Override
  public void forward() {
    View y = view(Y);
    y.zero();
    sums.addToX(view(X), view(WEIGHT), y);
    if (bias == Bias.PER_CHANNEL) {
      View b = view(BIAS);
      for (int i = 0; i < y.length; i++) {
        y.add(i, b.get(i % b.length));
      }
    }
  }

  @Override
  public void backward() {
    if (spec.write(DX) != GradientWrite.NONE) {
      sums.addToY(view(DY), view(WEIGHT), gradient(DX, spec.write(DX)));
    }
    if (spec.write(DWEIGHT) != GradientWrite.NONE) {
      sums.addToWeight(view(DY), view(X), gradient(DWEIGHT, spec.write(DWEIGHT)));
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
