package org.jresnet.backend.cpu;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.CallLists;
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

/** Three fixed lists of native calls (and a few host calls) over bound memory. */
final class CpuOp implements BoundOp {
  private final OneDnnScope scope;
  private final CallLists calls;

  private CpuOp(Builder builder) {
    scope = builder.scope;
    calls = new CallLists(builder.calls);
  }

  @Override
  public List<OpCall> calls() {
    return calls.all();
  }

  @Override
  public void prepare() {
    calls.prepare();
  }

  @Override
  public void forward() {
    calls.forward();
  }

  @Override
  public void backward() {
    calls.backward();
  }

  @Override
  public void close() {
    scope.close();
  }

  /**
   * Collects calls; the scratch memory starts with the scratchpad that all calls of an op share in
   * turn.
   */
  static final class Builder {
    private final OneDnnScope scope;
    private final Operands operands;
    private final long macs;
    private final List<OpCall> calls = new ArrayList<>();

    Builder(OneDnn dnn, OpSpec spec, Operands operands) {
      this.scope = new OneDnnScope(dnn);
      this.operands = operands;
      this.macs = spec.macs();
    }

    /** The operand, described. */
    Memory at(Desc desc, Slot slot) {
      return at(desc, slot, 0);
    }

    /** Part of the operand, described. */
    Memory at(Desc desc, Slot slot, long offset) {
      Tensor tensor = operands.get(slot);
      if (offset + desc.bytes() > tensor.bytes()) {
        throw new IllegalArgumentException(
            slot + " has " + tensor.bytes() + " bytes, needed are " + (offset + desc.bytes()));
      }
      return scope.memory(desc, CpuBuffer.memory(tensor), tensor.offset() + offset);
    }

    Builder call(Phase phase, PrimitiveDesc desc, Map<Arg, Memory> arguments) {
      Map<Arg, Memory> all = new EnumMap<>(arguments);
      Desc scratchpad = desc.scratchpad();
      if (scratchpad.bytes() > 0) {
        all.put(Arg.SCRATCHPAD, at(scratchpad, Slot.SCRATCH));
      }
      Primitive primitive = scope.primitive(desc, all);
      String operation = operation(desc, arguments);
      long bytes = arguments.values().stream().mapToLong(Memory::bytes).sum();
      long flops =
          arguments.containsKey(Arg.WEIGHTS) || arguments.containsKey(Arg.DIFF_WEIGHTS)
              ? 2 * macs
              : 0;
      calls.add(
          new OpCall(phase, operation, desc.implementation(), flops, bytes, primitive::execute));
      return this;
    }

    private static String operation(PrimitiveDesc desc, Map<Arg, Memory> arguments) {
      if (arguments.containsKey(Arg.DIFF_WEIGHTS)) {
        return "backward weights";
      } else if (arguments.containsKey(Arg.DIFF_SRC)) {
        return "backward data";
      } else if (arguments.containsKey(Arg.SRC_1)) {
        return "add";
      }
      return desc.isReorder() ? "reorder" : "forward";
    }

    Builder host(Phase phase, Runnable call) {
      calls.add(new OpCall(phase, "host", "java", 0, 0, call));
      return this;
    }

    CpuOp build() {
      return new CpuOp(this);
    }

    /** Frees what was made when binding fails half-way. */
    void abandon() {
      scope.close();
    }
  }
}
