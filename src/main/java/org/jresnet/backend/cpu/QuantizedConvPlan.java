package org.jresnet.backend.cpu;

import static org.jresnet.backend.OpCall.Phase.FORWARD;
import static org.jresnet.backend.OpCall.Phase.PREPARE;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Slot;
import org.jresnet.backend.Tensor;
import org.jresnet.graph.DType;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.DataType;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.Memory;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.OneDnnScope;
import org.jresnet.nativebindings.onednn.OneDnnScope.Geometry;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;

/**
 * Inference convolution on bytes. ReLU keeps positive factors, so everything is computed in units
 * of the output's scale, which leaves one factor per channel and none for input and output:
 *
 * <pre>
 *   y = round(act(factor[k]·Σ x·w[k] + bias[k]/out + residual·(residual scale/out)))     factor[k] = in·s[k]/out
 * </pre>
 */
final class QuantizedConvPlan extends CpuPlan {
  private static final int LARGEST_WEIGHT = 127;

  private final OpSpec.QuantizedConv spec;
  private final Desc x;
  private final Desc y;
  private final Desc plain;
  private final Desc channels;
  private final PrimitiveDesc conv;
  private final PrimitiveDesc pack;

  QuantizedConvPlan(OneDnn dnn, OpSpec.QuantizedConv spec) {
    super(dnn, spec);
    this.spec = spec;
    int k = spec.y().c();
    int c = spec.x().c();
    int r = spec.window().kernel();
    x = nhwc(spec.x(), spec.in().type());
    y = nhwc(spec.y(), spec.out().type());
    plain = scope.kcrs(DataType.I8, k, c, r, r);
    channels = scope.vector(DataType.F32, k);
    conv =
        require(
            scope.convQuantized(
                List.of(x, scope.kcrsAnyLayout(DataType.I8, k, c, r, r), channels, y),
                new Geometry(spec.window().stride(), spec.window().padding()),
                residual(spec),
                spec.activation() == OpSpec.Activation.RELU),
            "convolution on bytes");
    pack = require(scope.reorder(plain, conv.weights()), "packing of weights");
    temporaries(plain.bytes());
    packed(2 * align(channels.bytes()) + conv.weights().bytes());
  }

  private static Optional<OneDnnScope.Residual> residual(OpSpec.QuantizedConv spec) {
    return spec.residual()
        .map(
            r ->
                new OneDnnScope.Residual(
                    dataType(r.type()), (float) (r.scale() / spec.out().scale())));
  }

  @Override
  public String implementation() {
    return conv.implementation();
  }

  @Override
  void build(CpuOp.Builder op, Operands operands) {
    long vector = align(channels.bytes());
    Memory packed = op.at(conv.weights(), Slot.PACKED, 2 * vector);
    Tensor prepared = operands.get(Slot.PACKED);
    FloatBuffer bias = floats(prepared, 0);
    FloatBuffer factors = floats(prepared, vector);
    Tensor scratch = operands.get(Slot.SCRATCH);
    ByteBuffer weights =
        CpuBuffer.bytes(
            new Tensor(scratch.buffer(), scratch.offset() + temporary(0), DType.I8, plain.bytes()));
    op.host(PREPARE, () -> quantize(operands, weights, bias, factors));
    op.call(
        PREPARE, pack, Map.of(Arg.SRC, op.at(plain, Slot.SCRATCH, temporary(0)), Arg.DST, packed));
    op.call(
        FORWARD,
        conv,
        Map.of(
            Arg.SRC, op.at(x, Slot.X),
            Arg.WEIGHTS, packed,
            Arg.BIAS, op.at(channels, Slot.PACKED),
            Arg.WEIGHT_SCALES, op.at(channels, Slot.PACKED, vector),
            Arg.DST, op.at(y, Slot.Y)));
  }

  private FloatBuffer floats(Tensor prepared, long offset) {
    return CpuBuffer.floats(
        new Tensor(prepared.buffer(), prepared.offset() + offset, DType.F32, spec.y().c()));
  }

  private void quantize(
      Operands operands, ByteBuffer weights, FloatBuffer bias, FloatBuffer factors) {
    byte[] row = new byte[weights.capacity() / spec.y().c()];
    Folding.of(
        operands,
        spec.eps(),
        (k, filter, offset) -> {
          float largest = 0;
          for (float w : filter) {
            largest = Math.max(largest, Math.abs(w));
          }
          // A filter of zeros stays one with any scale.
          double scale = largest == 0 ? 1 : (double) largest / LARGEST_WEIGHT;
          for (int i = 0; i < row.length; i++) {
            row[i] = (byte) Math.rint(filter[i] / scale);
          }
          weights.put(k * row.length, row);
          bias.put(k, (float) (offset / spec.out().scale()));
          factors.put(k, (float) (spec.in().scale() * scale / spec.out().scale()));
        });
  }
}
