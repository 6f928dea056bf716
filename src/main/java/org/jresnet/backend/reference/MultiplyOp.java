package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.Shape;

/**
 * A factor s per element, or per image and channel:
 *
 * <pre>
 *   y[n,h,w,c]  = x[n,h,w,c] · s[n,h,w,c]      s[n,h,w,c] is s[n,0,0,c] where s has one pixel
 *   dx[n,h,w,c] = dy[n,h,w,c] · s[n,h,w,c]
 *   ds[n,h,w,c] = dy[n,h,w,c] · x[n,h,w,c]     summed over h, w where s has one pixel
 * </pre>
 */
final class MultiplyOp extends ReferenceOp {
  private final Shape s;

  MultiplyOp(OpSpec spec, Operands operands) {
    super(spec, operands);
    s = spec.inputs().get(1).shape();
  }

  /** Index of the factor of an element. */
  private int factor(int n, int h, int w, int c) {
    return s.at(n, s.h() == 1 ? 0 : h, s.w() == 1 ? 0 : w, c);
  }

  @Override
  public void forward() {
    View x = view(X);
    View factors = view(RESIDUAL);
    View y = view(Y);
    spec.y()
        .forEach(
            (n, h, w, c) -> {
              int i = spec.y().at(n, h, w, c);
              y.set(i, x.get(i) * factors.get(factor(n, h, w, c)));
            });
  }

  @Override
  public void backward() {
    View dy = view(DY);
    if (spec.write(DX) != GradientWrite.NONE) {
      View factors = view(RESIDUAL);
      View dx = gradient(DX, spec.write(DX));
      spec.y()
          .forEach(
              (n, h, w, c) -> {
                int i = spec.y().at(n, h, w, c);
                dx.add(i, dy.get(i) * factors.get(factor(n, h, w, c)));
              });
    }
    if (spec.write(DRESIDUAL) != GradientWrite.NONE) {
      View x = view(X);
      View ds = gradient(DRESIDUAL, spec.write(DRESIDUAL));
      spec.y()
          .forEach(
              (n, h, w, c) -> {
                int i = spec.y().at(n, h, w, c);
                ds.add(factor(n, h, w, c), dy.get(i) * x.get(i));
              });
    }
  }
}
