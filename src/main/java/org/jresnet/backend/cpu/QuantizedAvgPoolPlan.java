package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.FORWARD;

import java.nio.FloatBuffer;
import java.util.Map;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.DType;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.Geometry;
import org.jresnet.nativebindings.onednn.Memory;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.Pooling;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;

/** Mean of integers in single precision: widened, averaged, and multiplied with their scale. */
final class QuantizedAvgPoolPlan extends CpuPlan {
  private final Desc x;
  private final Desc wide;
  private final Desc y;
  private final PrimitiveDesc widen;
  private final PrimitiveDesc pool;

  QuantizedAvgPoolPlan(OneDnn dnn, OpSpec spec) {
    super(dnn, spec);
    x = nhwc(spec.x(), spec.type());
    wide = nhwc(spec.x(), DType.F32);
    y = nhwc(spec.y(), DType.F32);
    Pooling mean =
        new Pooling(scope, Pooling.Kind.AVERAGE, spec.x().h(), spec.x().w(), new Geometry(1, 0));
    widen = require(scope.reorder(x, wide), "widening");
    pool = require(mean.forward(propagation(), wide, y), "pooling");
    temporaries(wide.bytes());
  }

  @Override
  public String implementation() {
    return widen.implementation() + " + " + pool.implementation();
  }

  @Override
  protected void build(CpuBinding op, Operands operands) {
    Memory values = op.at(wide, Slot.SCRATCH, temporary(0));
    op.call(FORWARD, widen, Map.of(Arg.SRC, op.at(x, Slot.X), Arg.DST, values));
    op.call(FORWARD, pool, Map.of(Arg.SRC, values, Arg.DST, op.at(y, Slot.Y)));
    FloatBuffer means = CpuBuffer.floats(operands.get(Slot.Y));
    float[] row = new float[means.capacity()];
    float scale = (float) spec.inputs().get(0).quant().orElseThrow().scale();
    op.host(
        FORWARD,
        () -> {
          means.get(0, row);
          for (int i = 0; i < row.length; i++) {
            row[i] *= scale;
          }
          means.put(0, row);
        });
  }
}
