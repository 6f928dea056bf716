package org.jresnet.backend.reference;

import static org.jresnet.backend.Slot.*;

import org.jresnet.backend.Grad;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;

/**
 * Matrix product with bias (<a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.Linear.html">torch.nn.Linear</a>):
 *
 * <pre>
 *   y[n,k] = Σ_c x[n,c]·w[k,c] + b[k]
 *   dx[n,c] = Σ_k dy[n,k]·w[k,c]     dw[k,c] = Σ_n dy[n,k]·x[n,c]     db[k] = Σ_n dy[n,k]
 * </pre>
 */
final class LinearOp extends ReferenceOp {
  private final OpSpec.Linear spec;
  private final int c;
  private final int k;

  LinearOp(OpSpec.Linear spec, Operands operands) {
    super(operands);
    this.spec = spec;
    c = spec.x().c();
    k = spec.y().c();
  }

  @Override
  public void forward() {
    View x = view(X);
    View w = view(WEIGHT);
    View b = view(BIAS);
    View y = view(Y);
    for (int i = 0; i < y.length; i++) {
      double sum = b.get(i % k);
      for (int j = 0; j < c; j++) {
        sum += x.get(i / k * c + j) * w.get(i % k * c + j);
      }
      y.set(i, sum);
    }
  }

  @Override
  public void backward() {
    View x = view(X);
    View w = view(WEIGHT);
    View dy = view(DY);
    boolean parameters = spec.dparameters() != Grad.NONE;
    View dx = spec.dx() == Grad.NONE ? null : gradient(DX, spec.dx());
    View dw = parameters ? gradient(DWEIGHT, spec.dparameters()) : null;
    View db = parameters ? gradient(DBIAS, spec.dparameters()) : null;
    for (int i = 0; i < dy.length; i++) {
      for (int j = 0; j < c; j++) {
        if (dx != null) {
          dx.add(i / k * c + j, dy.get(i) * w.get(i % k * c + j));
        }
        if (parameters) {
          dw.add(i % k * c + j, dy.get(i) * x.get(i / k * c + j));
        }
      }
      if (parameters) {
        db.add(i % k, dy.get(i));
      }
    }
  }
}
