package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.ChannelSlice;

/**
 * Channels from f on:
 *
 * <pre>
 *   y[n,h,w,c]    = x[n,h,w,f+c]
 *   dx[n,h,w,f+c] = dy[n,h,w,c]     all other channels get 0
 * </pre>
 */
final class ChannelSliceOp extends ReferenceOp {
  private final int from;

  ChannelSliceOp(OpSpec spec, Operands operands) {
    super(spec, operands);
    from = ((ChannelSlice) spec.op()).from();
  }

  @Override
  public void forward() {
    View x = view(X);
    View y = view(Y);
    spec.y()
        .forEach(
            (n, h, w, c) -> y.set(spec.y().at(n, h, w, c), x.get(spec.x().at(n, h, w, from + c))));
  }

  @Override
  public void backward() {
    if (spec.write(DX) == GradientWrite.NONE) {
      return;
    }
    View dy = view(DY);
    View dx = gradient(DX, spec.write(DX));
    spec.y()
        .forEach(
            (n, h, w, c) ->
                dx.add(spec.x().at(n, h, w, from + c), dy.get(spec.y().at(n, h, w, c))));
  }
}
