package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.ChannelShuffle;
import org.jresnet.graph.Shape;

/**
 * A matrix of g rows, one per group, becomes its transpose (<a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.ChannelShuffle.html">torch.nn.ChannelShuffle</a>);
 * channel c of x is number j = c mod (C/g) of group i = c div (C/g):
 *
 * <pre>
 *   y[n,h,w,j·g+i] = x[n,h,w,c]
 *   dx[n,h,w,c]    = dy[n,h,w,j·g+i]
 * </pre>
 */
final class ChannelShuffleOp extends ReferenceOp {
  private final int groups;

  ChannelShuffleOp(OpSpec spec, Operands operands) {
    super(spec, operands);
    groups = ((ChannelShuffle) spec.op()).groups();
  }

  /** Where channel c goes. */
  private int to(int c) {
    int each = spec.x().c() / groups;
    return c % each * groups + c / each;
  }

  @Override
  public void forward() {
    View x = view(X);
    View y = view(Y);
    Shape s = spec.x();
    s.forEach((n, h, w, c) -> y.set(s.at(n, h, w, to(c)), x.get(s.at(n, h, w, c))));
  }

  @Override
  public void backward() {
    if (spec.write(DX) == GradientWrite.NONE) {
      return;
    }
    View dy = view(DY);
    View dx = gradient(DX, spec.write(DX));
    Shape s = spec.x();
    s.forEach((n, h, w, c) -> dx.add(s.at(n, h, w, c), dy.get(s.at(n, h, w, to(c)))));
  }
}
