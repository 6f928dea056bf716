package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.FORWARD;
import static org.jresnet.backend.Phase.PREPARE;

import java.nio.FloatBuffer;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Tensor;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.Convolution;
import org.jresnet.nativebindings.onednn.DataType;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.Memory;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.PostOps;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;

/**
 * Inference convolution with batch norm folded into weights and bias, residual and activation as
 * post-ops.
 */
final class FoldedConvPlan extends CpuPlan {
  private final Desc x;
  private final Desc y;
  private final Desc master;
  private final Desc bias;
  private final PrimitiveDesc conv;
  private final PrimitiveDesc pack;

  FoldedConvPlan(OneDnn dnn, OpSpec spec) {
    super(dnn, spec);
    Conv2d op = (Conv2d) spec.op();
    x = nhwc(spec.x(), spec.type());
    y = nhwc(spec.y(), spec.type());
    master = scope.filters(DataType.F32, filters(op));
    bias = scope.vector(DataType.F32, op.k());
    PostOps postOps = scope.postOps();
    if (spec.adds()) {
      postOps.sum();
    }
    spec.activation().map(ActivationPlan::function).ifPresent(postOps::eltwise);
    Desc any = scope.filtersAnyLayout(dataType(spec.type()), filters(op));
    conv =
        require(
            new Convolution(scope, x, y, Optional.of(bias), geometry(op))
                .forward(propagation(), any, postOps),
            "convolution");
    pack = require(scope.reorder(master, conv.weights()), "packing of weights");
    temporaries(master.bytes());
    packed(align(bias.bytes()) + conv.weights().bytes());
  }

  @Override
  public String implementation() {
    return conv.implementation();
  }

  @Override
  protected void build(CpuBinding op, Operands operands) {
    Desc packedDesc = conv.weights();
    Memory packed = op.at(packedDesc, Slot.PACKED, align(bias.bytes()));
    Tensor prepared = operands.get(Slot.PACKED);
    Tensor biasTensor = new Tensor(prepared.buffer(), prepared.offset(), DType.F32, spec.y().c());
    Tensor scratch = operands.get(Slot.SCRATCH);
    long weights = master.bytes() / Float.BYTES;
    Tensor folded =
        new Tensor(scratch.buffer(), scratch.offset() + temporary(0), DType.F32, weights);
    FloatBuffer biasView = CpuBuffer.floats(biasTensor);
    op.host(PREPARE, () -> Folding.into(spec, operands, CpuBuffer.floats(folded), biasView));
    op.call(
        PREPARE, pack, Map.of(Arg.SRC, op.at(master, Slot.SCRATCH, temporary(0)), Arg.DST, packed));
    Map<Arg, Memory> arguments = new EnumMap<>(Arg.class);
    arguments.put(Arg.SRC, op.at(x, Slot.X));
    arguments.put(Arg.WEIGHTS, packed);
    arguments.put(Arg.BIAS, op.at(bias, Slot.PACKED));
    arguments.put(Arg.DST, op.at(y, Slot.Y));
    if (spec.adds() && !operands.get(Slot.RESIDUAL).equals(operands.get(Slot.Y))) {
      throw new IllegalArgumentException("the residual of a folded convolution must be its output");
    }
    op.call(FORWARD, conv, arguments);
  }
}
