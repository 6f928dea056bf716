package org.jresnet.backend.reference;

import static org.jresnet.backend.Slot.*;

import org.jresnet.backend.Grad;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;

/**
 * Maximum over a window (<a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html">torch.nn.MaxPool2d
 * </a>): padding never wins, the first maximum in row-major order gets the gradient.
 */
final class MaxPoolOp extends ReferenceOp {
  private final OpSpec.MaxPool spec;
  private final int[] winner;

  MaxPoolOp(OpSpec.MaxPool spec, Operands operands) {
    super(operands);
    this.spec = spec;
    winner = new int[Math.toIntExact(spec.y().elements())];
  }

  @Override
  public void forward() {
    View x = view(X);
    View y = view(Y);
    int channels = spec.y().c();
    int size = spec.window().kernel();
    for (int i = 0; i < y.length; i++) {
      int c = i % channels;
      int q = i / channels % spec.y().w();
      int p = i / channels / spec.y().w() % spec.y().h();
      int n = i / channels / spec.y().w() / spec.y().h();
      int best = -1;
      for (int r = 0; r < size; r++) {
        int h = p * spec.window().stride() + r - spec.window().padding();
        for (int s = 0; s < size; s++) {
          int w = q * spec.window().stride() + s - spec.window().padding();
          if (h < 0 || h >= spec.x().h() || w < 0 || w >= spec.x().w()) {
            continue;
          }
          int at = ((n * spec.x().h() + h) * spec.x().w() + w) * channels + c;
          if (best < 0 || x.get(at) > x.get(best)) {
            best = at;
          }
        }
      }
      winner[i] = best;
      y.set(i, x.get(best));
    }
  }

  @Override
  public void backward() {
    if (spec.dx() == Grad.NONE) {
      return;
    }
    View dy = view(DY);
    View dx = gradient(DX, spec.dx());
    for (int i = 0; i < dy.length; i++) {
      dx.add(winner[i], dy.get(i));
    }
  }
}
