package org.jresnet.backend;

import java.util.Map;
import java.util.TreeMap;
import org.jresnet.graph.Slot;

/** The tensors that an op is bound to, by role. */
public final class Operands {
  private final Map<Slot, Tensor> tensors = new TreeMap<>();

  /** Adds or replaces one operand. */
  public Operands with(Slot slot, Tensor tensor) {
    tensors.put(slot, tensor);
    return this;
  }

  /** The operand, or an {@link IllegalArgumentException} naming the missing slot. */
  public Tensor get(Slot slot) {
    Tensor tensor = tensors.get(slot);
    if (tensor == null) {
      throw new IllegalArgumentException(
          "operand " + slot + " is missing; given: " + tensors.keySet());
    }
    return tensor;
  }

  /** Whether the operand is given. */
  public boolean has(Slot slot) {
    return tensors.containsKey(slot);
  }
}
