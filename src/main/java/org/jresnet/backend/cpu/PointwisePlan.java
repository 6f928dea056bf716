package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.Elementwise;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;
import org.jresnet.nativebindings.onednn.Propagation;

/**
 * ReLU and addition that stand alone; in a ResNet both are fused into batch norm or convolution.
 */
final class PointwisePlan {
  private PointwisePlan() {}

  /** {@code y = max(x, 0)}, {@code dx = dy where y > 0}. */
  static final class Relu extends CpuPlan {
    private final Desc x;
    private final PrimitiveDesc forward;
    private PrimitiveDesc backward;
    private Optional<PrimitiveDesc> accumulation = Optional.empty();

    Relu(OneDnn dnn, OpSpec spec) {
      super(dnn, spec);
      x = nhwc(spec.y(), spec.type());
      Elementwise elementwise = new Elementwise(scope);
      forward = require(elementwise.reluForward(propagation(), x), "ReLU");
      if (spec.write(Slot.DX) != GradientWrite.NONE) {
        PrimitiveDesc training = require(elementwise.reluForward(Propagation.TRAINING, x), "ReLU");
        backward = require(elementwise.reluBackward(x, training), "ReLU backward");
        accumulation = accumulation(spec.write(Slot.DX), x);
        temporaries(accumulation.isPresent() ? x.bytes() : 0);
      }
    }

    @Override
    public String implementation() {
      return forward.implementation();
    }

    @Override
    protected void build(CpuBinding op, Operands operands) {
      op.call(FORWARD, forward, Map.of(Arg.SRC, op.at(x, Slot.X), Arg.DST, op.at(x, Slot.Y)));
      if (backward != null) {
        op.call(
            BACKWARD,
            backward,
            Map.of(
                Arg.DST, op.at(x, Slot.Y),
                Arg.DIFF_DST, op.at(x, Slot.DY),
                Arg.DIFF_SRC, target(op, accumulation, x, 0)));
        accumulate(op, accumulation, x, 0);
      }
    }
  }

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
