package org.jresnet.backend.cpu;

import java.util.EnumMap;
import java.util.Map;
import org.jresnet.backend.Binding;
import org.jresnet.backend.OpCall;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Phase;
import org.jresnet.backend.Tensor;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.Memory;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.OneDnnScope;
import org.jresnet.nativebindings.onednn.Primitive;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;

/** Calls of oneDNN, and a few of the host. */
final class CpuBinding extends Binding {
  private final OneDnnScope scope;

  CpuBinding(OneDnn dnn, OpSpec spec, Operands operands) {
    super(spec, operands);
    scope = own(new OneDnnScope(dnn));
  }

  /** The operand, described. */
  Memory at(Desc desc, Slot slot) {
    return at(desc, slot, 0);
  }

  /** Part of the operand, described. */
  Memory at(Desc desc, Slot slot, long offset) {
    Tensor tensor = tensor(slot);
    if (offset + desc.bytes() > tensor.bytes()) {
      throw new IllegalArgumentException(
          slot + " has " + tensor.bytes() + " bytes, needed are " + (offset + desc.bytes()));
    }
    return scope.memory(desc, CpuBuffer.memory(tensor), tensor.offset() + offset);
  }

  /** Adds a call of oneDNN; its scratchpad lies at the start of the scratch memory. */
  void call(Phase phase, PrimitiveDesc desc, Map<Arg, Memory> arguments) {
    Map<Arg, Memory> all = new EnumMap<>(arguments);
    Desc scratchpad = desc.scratchpad();
    if (scratchpad.bytes() > 0) {
      all.put(Arg.SCRATCHPAD, at(scratchpad, Slot.SCRATCH));
    }
    Primitive primitive = scope.primitive(desc, all);
    String operation = operation(phase, desc, arguments);
    long bytes = arguments.values().stream().mapToLong(Memory::bytes).sum();
    boolean products =
        arguments.containsKey(Arg.WEIGHTS) || arguments.containsKey(Arg.DIFF_WEIGHTS);
    long flops = products ? flops() : 0;
    add(new OpCall(phase, operation, desc.implementation(), flops, bytes, primitive::execute));
  }

  private static String operation(Phase phase, PrimitiveDesc desc, Map<Arg, Memory> arguments) {
    if (arguments.containsKey(Arg.DIFF_WEIGHTS)) {
      return "backward weights";
    } else if (arguments.containsKey(Arg.DIFF_SRC)
        || phase == Phase.BACKWARD && arguments.containsKey(Arg.WEIGHTS)) {
      return "backward data";
    } else if (arguments.containsKey(Arg.SRC_1)) {
      return desc.multiplies() ? "multiply" : "add";
    }
    return desc.isReorder() ? "reorder" : "forward";
  }

  /** Adds a product by a kernel of our own; its FLOPs are those of the direct sum. */
  void kernel(Phase phase, String operation, String kernel, long bytes, Runnable call) {
    add(
        new OpCall(
            phase, operation, kernel, operation.equals("reorder") ? 0 : flops(), bytes, call));
  }

  /** Adds a call of Java that reads and writes so many bytes. */
  void host(Phase phase, long bytes, Runnable call) {
    add(new OpCall(phase, "host", "java", 0, bytes, call));
  }

  /** Adds a call of Java. */
  void host(Phase phase, Runnable call) {
    host(phase, 0, call);
  }
}
