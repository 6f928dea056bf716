package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.FORWARD;
import static org.jresnet.backend.Phase.PREPARE;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.QuantParams;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.TensorSpec;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Activation.Function;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.Convolution;
import org.jresnet.nativebindings.onednn.DataType;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.Elementwise;
import org.jresnet.nativebindings.onednn.Memory;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.PostOps;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;

/**
 * Inference convolution on bytes. Where the activation lets positive factors through, everything is
 * computed in units of the output's scale, which leaves one factor per channel and none for input
 * and output; otherwise in units of 1, with a multiplication at the end:
 *
 * <pre>
 *   y = round(act(factor[k]·Σ x·w[k] + bias[k]/unit + residual·(residual scale/unit))·unit/out)
 *   factor[k] = in·s[k]/unit
 * </pre>
 */
final class QuantizedConvPlan extends CpuPlan {
  private static final int LARGEST_WEIGHT = 127;

  private final Desc x;
  private final Desc y;
  private final Desc plain;
  private final Desc channels;
  private final PrimitiveDesc conv;
  private final PrimitiveDesc pack;

  QuantizedConvPlan(OneDnn dnn, OpSpec spec) {
    super(dnn, spec);
    Conv2d op = (Conv2d) spec.op();
    x = nhwc(spec.x(), spec.type());
    y = nhwc(spec.y(), spec.output().type());
    plain = scope.filters(DataType.I8, filters(op));
    channels = scope.vector(DataType.F32, op.k());
    conv =
        require(
            new Convolution(scope, x, y, Optional.of(channels), geometry(op))
                .quantized(filters(op), postOps()),
            "convolution on bytes");
    pack = require(scope.reorder(plain, conv.weights()), "packing of weights");
    temporaries(plain.bytes());
    packed(2 * align(channels.bytes()) + conv.weights().bytes());
  }

  private PostOps postOps() {
    PostOps ops = scope.postOps();
    double out = scale(spec.output()).scale();
    if (spec.adds()) {
      QuantParams added = scale(spec.inputs().get(1));
      ops.sum(dataType(added.type()), (float) (added.scale() / unit()));
    }
    spec.activation().map(ActivationPlan::function).ifPresent(ops::eltwise);
    if (unit() != out) {
      ops.eltwise(new Elementwise.Function(Elementwise.Kind.LINEAR, (float) (unit() / out), 0));
    }
    return ops;
  }

  /** What 1 stands for in sums: the output's scale where the activation does not mind. */
  private double unit() {
    boolean keepsFactors =
        spec.activation().map(Activation::function).stream()
            .allMatch(f -> f == Function.RELU || f == Function.LEAKY_RELU);
    return keepsFactors ? scale(spec.output()).scale() : 1;
  }

  private static QuantParams scale(TensorSpec tensor) {
    return tensor.quant().orElseThrow();
  }

  @Override
  public String implementation() {
    return conv.implementation();
  }

  @Override
  protected void build(CpuBinding op, Operands operands) {
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
    double in = scale(spec.inputs().get(0)).scale();
    double unit = unit();
    byte[] row = new byte[weights.capacity() / spec.y().c()];
    Folding.of(
        operands,
        ((Op.BatchNorm) spec.part(Op.Part.NORM).orElseThrow()).eps(),
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
          bias.put(k, (float) (offset / unit));
          factors.put(k, (float) (in * scale / unit));
        });
  }
}
