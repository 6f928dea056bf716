package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;

/**
 * Channels one after the other (<a
 * href="https://pytorch.org/docs/stable/generated/torch.cat.html">torch.cat</a>); input i starts at
 * channel f[i], the sum of the channels before it:
 *
 * <pre>
 *   y[n,h,w,f[i]+c] = x[i][n,h,w,c]
 *   dx[i][n,h,w,c]  = dy[n,h,w,f[i]+c]
 * </pre>
 */
final class ConcatOp extends ReferenceOp {
  ConcatOp(OpSpec spec, Operands operands) {
    super(spec, operands);
  }

  @Override
  public void forward() {
    View y = view(Y);
    int first = 0;
    for (int i = 0; i < spec.inputs().size(); i++) {
      Shape in = spec.inputs().get(i).shape();
      View x = view(Slot.input(i));
      int from = first;
      in.forEach((n, h, w, c) -> y.set(spec.y().at(n, h, w, from + c), x.get(in.at(n, h, w, c))));
      first += in.c();
    }
  }

  @Override
  public void backward() {
    View dy = view(DY);
    int first = 0;
    for (int i = 0; i < spec.inputs().size(); i++) {
      Shape in = spec.inputs().get(i).shape();
      Slot slot = Slot.input(i).gradient().orElseThrow();
      if (spec.write(slot) != GradientWrite.NONE) {
        View dx = gradient(slot, spec.write(slot));
        int from = first;
        in.forEach(
            (n, h, w, c) -> dx.add(in.at(n, h, w, c), dy.get(spec.y().at(n, h, w, from + c))));
      }
      first += in.c();
    }
  }
}
