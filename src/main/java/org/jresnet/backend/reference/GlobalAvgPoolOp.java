package org.jresnet.backend.reference;

import static org.jresnet.backend.Slot.*;

import org.jresnet.backend.Grad;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;

/** {@code y[n,c] = Σ_{h,w} x[n,h,w,c] / (h·w)}; {@code dx[n,h,w,c] = dy[n,c] / (h·w)}. */
final class GlobalAvgPoolOp extends ReferenceOp {
  private final OpSpec.GlobalAvgPool spec;
  private final int area;

  GlobalAvgPoolOp(OpSpec.GlobalAvgPool spec, Operands operands) {
    super(operands);
    this.spec = spec;
    area = spec.x().h() * spec.x().w();
  }

  /** Index of the output that input element i belongs to. */
  private int output(int i) {
    int channels = spec.x().c();
    return i / (area * channels) * channels + i % channels;
  }

  @Override
  public void forward() {
    View x = view(X);
    View y = view(Y);
    y.zero();
    for (int i = 0; i < x.length; i++) {
      y.add(output(i), x.get(i) / area);
    }
  }

  @Override
  public void backward() {
    if (spec.dx() == Grad.NONE) {
      return;
    }
    View dy = view(DY);
    View dx = gradient(DX, spec.dx());
    for (int i = 0; i < dx.length; i++) {
      dx.add(i, dy.get(output(i)) / area);
    }
  }
}
