package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.FORWARD;

import java.util.Map;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.TensorSpec;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.Elementwise;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.PostOps;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;
import org.jresnet.nativebindings.onednn.Strided;

/** Integers times factors in single precision: {@code y = round(x·s·(x's scale / y's scale))}. */
final class QuantizedMultiplyPlan extends CpuPlan {
  private final Desc x;
  private final Desc s;
  private final Desc y;
  private final PrimitiveDesc product;

  QuantizedMultiplyPlan(OneDnn dnn, OpSpec spec) {
    super(dnn, spec);
    TensorSpec factor = spec.inputs().get(1);
    x = nhwc(spec.x(), spec.type());
    s = nhwc(factor.shape(), factor.type());
    y = nhwc(spec.y(), spec.output().type());
    double unit =
        spec.inputs().get(0).quant().orElseThrow().scale()
            / spec.output().quant().orElseThrow().scale();
    PostOps postOps =
        scope.postOps().eltwise(new Elementwise.Function(Elementwise.Kind.LINEAR, (float) unit, 0));
    product = require(new Strided(scope).multiply(x, s, y, postOps), "multiplication of bytes");
  }

  @Override
  public String implementation() {
    return product.implementation();
  }

  @Override
  protected void build(CpuBinding op, Operands operands) {
    op.call(
        FORWARD,
        product,
        Map.of(
            Arg.SRC, op.at(x, Slot.X),
            Arg.SRC_1, op.at(s, Slot.RESIDUAL),
            Arg.DST, op.at(y, Slot.Y)));
  }
}
