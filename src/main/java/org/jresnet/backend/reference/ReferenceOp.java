package org.jresnet.backend.reference;

import org.jresnet.backend.Grad;
import org.jresnet.backend.Operands;
import org.jresnet.backend.PreparedOp;
import org.jresnet.backend.Slot;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.reference.ReferenceBuffer.View;

/** What the textbook's ops share: their operands as arrays. */
abstract class ReferenceOp implements PreparedOp {
  private final Operands operands;

  ReferenceOp(Operands operands) {
    this.operands = operands;
  }

  Tensor operand(Slot slot) {
    return operands.get(slot);
  }

  View view(Slot slot) {
    return new View(operands.get(slot));
  }

  /** The gradient to add to: zeroed first unless the policy says that a share is already there. */
  View gradient(Slot slot, Grad policy) {
    View view = view(slot);
    if (policy == Grad.OVERWRITE) {
      view.zero();
    }
    return view;
  }

  @Override
  public void close() {}
}
