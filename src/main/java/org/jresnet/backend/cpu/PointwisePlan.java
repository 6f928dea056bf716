package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import java.util.Map;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;

/** An addition that stands alone; in a ResNet it is fused into batch norm or convolution. */
final class PointwisePlan {
  private PointwisePlan() {}

  /** {@code y = x + residual}; both gradients are dy. */
  static final class Add extends CpuPlan {
    private final Desc x;
    private final PrimitiveDesc add;
    private final PrimitiveDesc copy;

    Add(OneDnn dnn, OpSpec spec) {
      super(dnn, spec);
      x = nhwc(spec.y(), spec.type());
      add = require(scope.add(x), "addition");
      copy = require(scope.reorder(x, x), "copy");
    }

    @Override
    public String implementation() {
      return add.implementation();
    }

    @Override
    protected void build(CpuBinding op, Operands operands) {
      op.call(
          FORWARD,
          add,
          Map.of(
              Arg.SRC,
              op.at(x, Slot.X),
              Arg.SRC_1,
              op.at(x, Slot.RESIDUAL),
              Arg.DST,
              op.at(x, Slot.Y)));
      share(op, spec.write(Slot.DX), Slot.DX);
      share(op, spec.write(Slot.DRESIDUAL), Slot.DRESIDUAL);
    }

    private void share(CpuBinding op, GradientWrite policy, Slot slot) {
      if (policy == GradientWrite.OVERWRITE) {
        op.call(BACKWARD, copy, Map.of(Arg.SRC, op.at(x, Slot.DY), Arg.DST, op.at(x, slot)));
      } else if (policy == GradientWrite.ACCUMULATE) {
        op.call(
            BACKWARD,
            add,
            Map.of(Arg.SRC, op.at(x, slot), Arg.SRC_1, op.at(x, Slot.DY), Arg.DST, op.at(x, slot)));
      }
    }
  }
}
