package org.jresnet.backend.onednn;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.Operands;
import org.jresnet.backend.PreparedOp;
import org.jresnet.backend.Slot;
import org.jresnet.backend.Tensor;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.Memory;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.OneDnnScope;
import org.jresnet.nativebindings.onednn.Primitive;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;

/** Three fixed lists of native calls (and a few host calls) over bound memory. */
final class OneDnnOp implements PreparedOp {
  private final OneDnnScope scope;
  private final Runnable[] prepare;
  private final Runnable[] forward;
  private final Runnable[] backward;

  private OneDnnOp(Builder builder) {
    scope = builder.scope;
    prepare = builder.prepare.toArray(Runnable[]::new);
    forward = builder.forward.toArray(Runnable[]::new);
    backward = builder.backward.toArray(Runnable[]::new);
  }

  @Override
  public void prepare() {
    run(prepare);
  }

  @Override
  public void forward() {
    run(forward);
  }

  @Override
  public void backward() {
    run(backward);
  }

  private static void run(Runnable[] calls) {
    for (Runnable call : calls) {
      call.run();
    }
  }

  @Override
  public void close() {
    scope.close();
  }

  /** Which list a call goes to. */
  enum Phase {
    PREPARE,
    FORWARD,
    BACKWARD
  }

  /**
   * Collects calls; the workspace starts with the scratchpad that all calls of an op share in turn.
   */
  static final class Builder {
    private final OneDnnScope scope;
    private final Operands operands;
    private final List<Runnable> prepare = new ArrayList<>();
    private final List<Runnable> forward = new ArrayList<>();
    private final List<Runnable> backward = new ArrayList<>();

    Builder(OneDnn dnn, Operands operands) {
      this.scope = new OneDnnScope(dnn);
      this.operands = operands;
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
      return scope.memory(desc, OneDnnBuffer.memory(tensor), tensor.offset() + offset);
    }

    Builder call(Phase phase, PrimitiveDesc desc, Map<Arg, Memory> arguments) {
      Map<Arg, Memory> all = new EnumMap<>(arguments);
      Desc scratchpad = desc.scratchpad();
      if (scratchpad.bytes() > 0) {
        all.put(Arg.SCRATCHPAD, at(scratchpad, Slot.WORKSPACE));
      }
      Primitive primitive = scope.primitive(desc, all);
      return host(phase, primitive::execute);
    }

    Builder host(Phase phase, Runnable call) {
      switch (phase) {
        case PREPARE -> prepare.add(call);
        case FORWARD -> forward.add(call);
        case BACKWARD -> backward.add(call);
      }
      return this;
    }

    OneDnnOp build() {
      return new OneDnnOp(this);
    }

    /** Frees what was made when binding fails half-way. */
    void abandon() {
      scope.close();
    }
  }
}
