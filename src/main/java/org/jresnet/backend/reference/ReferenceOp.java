package org.jresnet.backend.reference;

import org.jresnet.backend.BoundOp;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec.Activation;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Slot;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.DType;

/** What the textbook's ops share: their operands as arrays. */
abstract class ReferenceOp implements BoundOp {
  private final Operands operands;

  ReferenceOp(Operands operands) {
    this.operands = operands;
  }

  View view(Slot slot) {
    return new View(operands.get(slot));
  }

  /** The gradient to add to: zeroed first unless the policy says that a share is already there. */
  View gradient(Slot slot, GradientWrite policy) {
    View view = view(slot);
    if (policy == GradientWrite.OVERWRITE) {
      view.zero();
    }
    return view;
  }

  /** What forward leaves for backward: that many doubles. */
  View saved(int count) {
    Tensor bytes = operands.get(Slot.SAVED);
    return new View(new Tensor(bytes.buffer(), bytes.offset(), DType.F64, count));
  }

  /** The activation; NaN stays NaN. */
  static double activate(Activation activation, double v) {
    return activation == Activation.RELU ? Math.max(v, 0) : v;
  }

  /** The share of dy that the activation lets through; like torch's, it stops at y ≤ 0. */
  static double through(Activation activation, double y, double dy) {
    return activation == Activation.RELU && y <= 0 ? 0 : dy;
  }

  @Override
  public void close() {}
}
