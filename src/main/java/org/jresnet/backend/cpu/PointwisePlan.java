package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.Scale;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.Elementwise;
import org.jresnet.nativebindings.onednn.Elementwise.Function;
import org.jresnet.nativebindings.onednn.Elementwise.Kind;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;
import org.jresnet.nativebindings.onednn.Propagation;

/**
 * An addition that stands alone, which in a ResNet is fused into batch norm or convolution, and a
 * multiplication with one number.
 */
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

  /** {@code y = factor·x}, {@code dx = factor·dy} */
  static final class Scaling extends CpuPlan {
    private final Desc x;
    private final PrimitiveDesc scale;
    private Optional<PrimitiveDesc> accumulation = Optional.empty();

    Scaling(OneDnn dnn, OpSpec spec) {
      super(dnn, spec);
      x = nhwc(spec.y(), spec.type());
      float factor = (float) ((Scale) spec.op()).factor();
      Function linear = new Function(Kind.LINEAR, factor, 0);
      scale = require(new Elementwise(scope, linear).forward(Propagation.INFERENCE, x), "scaling");
      accumulation = accumulation(spec.write(Slot.DX), x);
      temporaries(accumulation.isPresent() ? x.bytes() : 0);
    }

    @Override
    public String implementation() {
      return scale.implementation();
    }

    @Override
    protected void build(CpuBinding op, Operands operands) {
      op.call(FORWARD, scale, Map.of(Arg.SRC, op.at(x, Slot.X), Arg.DST, op.at(x, Slot.Y)));
      if (spec.write(Slot.DX) != GradientWrite.NONE) {
        op.call(
            BACKWARD,
            scale,
            Map.of(Arg.SRC, op.at(x, Slot.DY), Arg.DST, target(op, accumulation, x, 0)));
        accumulate(op, accumulation, x, 0);
      }
    }
  }
}
