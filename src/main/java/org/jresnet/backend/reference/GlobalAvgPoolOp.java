package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.Slot;

/**
 * Mean over the image (<a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html">torch.nn.AdaptiveAvgPool2d(1)</a>):
 *
 * <pre>
 *   y[n,c] = Σ_{h,w} x[n,h,w,c] / (h·w)        dx[n,h,w,c] = dy[n,c] / (h·w)
 * </pre>
 */
final class GlobalAvgPoolOp extends ReferenceOp {
  private final int area;

  GlobalAvgPoolOp(OpSpec spec, Operands operands) {
    super(spec, operands);
    area = spec.x().h() * spec.x().w();
  }

  /** Index of the output that input element i belongs to. */
  private int output(int i) {
    int c = spec.x().c();
    return i / (area * c) * c + i % c;
  }

  @Override
  public void forward() {
    View x = view(X);
    View y = view(Y);
    y.zero();
    for (int i = 0; i < x.length; i++) {
      y.add(output(i), x.get(i));
    }
    for (int i = 0; i < y.length; i++) {
      y.set(i, y.get(i) / area);
    }
  }

  @Override
  public void backward() {
    if (spec.write(Slot.DX) == GradientWrite.NONE) {
      return;
    }
    View dy = view(DY);
    View dx = gradient(DX, spec.write(Slot.DX));
    for (int i = 0; i < dx.length; i++) {
      dx.add(i, dy.get(output(i)) / area);
    }
  }
}
