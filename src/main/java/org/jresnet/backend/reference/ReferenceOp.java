package org.jresnet.backend.reference;

import org.jresnet.backend.BoundOp;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.DType;
import org.jresnet.graph.Slot;

/** What the textbook's ops share: their operands as arrays. */
abstract class ReferenceOp implements BoundOp {
  final OpSpec spec;
  private final Operands operands;

  ReferenceOp(OpSpec spec, Operands operands) {
    this.spec = spec;
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

  /** The activation that ends the call. */
  double activate(double v) {
    return spec.activation().isPresent() ? ActivationOp.value(spec.activation().get(), v) : v;
  }

  /** The share of dy that the activation at the end of the call lets through. */
  double through(double y, double dy) {
    if (!spec.activates()) {
      return dy;
    }
    double slope = ActivationOp.derivative(spec.activation().get(), y);
    // A gradient that is not finite does not get through a slope of 0.
    return slope == 0 ? 0 : slope * dy;
  }

  @Override
  public void close() {}
}
