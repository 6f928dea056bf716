package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.Slot;

/**
 * Matrix product with bias (<a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.Linear.html">torch.nn.Linear</a>):
 *
 * <pre>
 *   y[n,k]  = Σ_c x[n,c]·w[k,c] + b[k]
 *   dx[n,c] = Σ_k dy[n,k]·w[k,c]     dw[k,c] = Σ_n dy[n,k]·x[n,c]     db[k] = Σ_n dy[n,k]
 * </pre>
 */
final class LinearOp extends ReferenceOp {
  private final int images;
  private final int c;
  private final int k;

  LinearOp(OpSpec spec, Operands operands) {
    super(spec, operands);
    images = spec.x().n();
    c = spec.x().c();
    k = spec.y().c();
  }

  @Override
  public void forward() {
    View x = view(X);
    View w = view(WEIGHT);
    View b = view(BIAS);
    View y = view(Y);
    for (int n = 0; n < images; n++) {
      for (int i = 0; i < k; i++) {
        double sum = b.get(i);
        for (int j = 0; j < c; j++) {
          sum += x.get(n * c + j) * w.get(i * c + j);
        }
        y.set(n * k + i, sum);
      }
    }
  }

  @Override
  public void backward() {
    if (spec.write(Slot.DX) != GradientWrite.NONE) {
      dx();
    }
    if (spec.write(Slot.DWEIGHT) != GradientWrite.NONE) {
      dparameters();
    }
  }

  private void dx() {
    View w = view(WEIGHT);
    View dy = view(DY);
    View dx = gradient(DX, spec.write(Slot.DX));
    for (int n = 0; n < images; n++) {
      for (int i = 0; i < k; i++) {
        for (int j = 0; j < c; j++) {
          dx.add(n * c + j, dy.get(n * k + i) * w.get(i * c + j));
        }
      }
    }
  }

  private void dparameters() {
    View x = view(X);
    View dy = view(DY);
    View dw = gradient(DWEIGHT, spec.write(Slot.DWEIGHT));
    View db = gradient(DBIAS, spec.write(Slot.DWEIGHT));
    for (int n = 0; n < images; n++) {
      for (int i = 0; i < k; i++) {
        for (int j = 0; j < c; j++) {
          dw.add(i * c + j, dy.get(n * k + i) * x.get(n * c + j));
        }
        db.add(i, dy.get(n * k + i));
      }
    }
  }
}
