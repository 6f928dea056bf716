package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;

import java.nio.FloatBuffer;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Tensor;
import org.jresnet.graph.Axis;
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
import org.jresnet.nativebindings.onednn.Propagation;

/**
 * The gradient of a depthwise convolution's input as another depthwise convolution: with stride 1,
 * {@code dx = dy ∗ filters} turned by 180 degrees. oneDNN's loops for outputs are faster than those
 * for input gradients.
 */
final class FlippedConvPlan extends CpuPlan {
  private final Desc dy;
  private final Desc dx;
  private final Desc master;
  private final PrimitiveDesc conv;
  private final PrimitiveDesc pack;

  FlippedConvPlan(OneDnn dnn, OpSpec spec) {
    super(dnn, spec);
    Conv2d op = (Conv2d) spec.op();
    Conv2d turned =
        new Conv2d(
            op.c(), op.c(), turned(op.rows()), turned(op.columns()), op.groups(), Conv2d.Bias.NONE);
    dy = nhwc(spec.y(), spec.type());
    dx = nhwc(spec.x(), spec.type());
    master = scope.filters(DataType.F32, filters(turned));
    PostOps postOps = scope.postOps();
    if (spec.write(Slot.DX) == GradientWrite.ACCUMULATE) {
      postOps.sum();
    }
    Desc any = scope.filtersAnyLayout(dataType(spec.type()), filters(turned));
    conv =
        require(
            new Convolution(scope, dy, dx, Optional.empty(), geometry(turned))
                .forward(Propagation.INFERENCE, any, postOps),
            "convolution with turned filters");
    pack = require(scope.reorder(master, conv.weights()), "packing of weights");
    temporaries(align(master.bytes()) + conv.weights().bytes());
  }

  /** From outputs to inputs: what was cut off at the borders is padding, and the other way. */
  private static Axis turned(Axis axis) {
    return new Axis(axis.size(), 1, axis.size() - 1 - axis.padding());
  }

  /** Whether this plan can compute that part of an op. */
  static boolean suits(Part part) {
    OpSpec spec = part.spec();
    return spec.op() instanceof Conv2d op
        && op.groups() > 1
        && op.groups() == op.c()
        && op.c() == op.k()
        && suits(op.rows())
        && suits(op.columns())
        && (spec.type() == DType.F32 || spec.type() == DType.BF16)
        && spec.write(Slot.DX) != GradientWrite.NONE
        && spec.gradients().size() == 1;
  }

  private static boolean suits(Axis axis) {
    return axis.stride() == 1 && axis.dilation() == 1 && axis.padding() < axis.size();
  }

  @Override
  public String implementation() {
    return conv.implementation();
  }

  @Override
  protected void build(CpuBinding op, Operands operands) {
    Tensor scratch = operands.get(Slot.SCRATCH);
    Tensor weight = operands.get(Slot.WEIGHT);
    Tensor turned =
        new Tensor(scratch.buffer(), scratch.offset() + temporary(0), DType.F32, weight.elements());
    Memory packed = op.at(conv.weights(), Slot.SCRATCH, temporary(align(master.bytes())));
    op.host(BACKWARD, turn(CpuBuffer.floats(weight), CpuBuffer.floats(turned)));
    op.call(
        BACKWARD,
        pack,
        Map.of(Arg.SRC, op.at(master, Slot.SCRATCH, temporary(0)), Arg.DST, packed));
    op.call(
        BACKWARD,
        conv,
        Map.of(Arg.SRC, op.at(dy, Slot.DY), Arg.WEIGHTS, packed, Arg.DST, op.at(dx, Slot.DX)));
  }

  /** Reverses each filter. */
  private Runnable turn(FloatBuffer from, FloatBuffer to) {
    int taps = ((Conv2d) spec.op()).taps();
    float[] filters = new float[from.capacity()];
    return () -> {
      from.get(0, filters);
      for (int first = 0; first < filters.length; first += taps) {
        for (int i = first, j = first + taps - 1; i < j; i++, j--) {
          float value = filters[i];
          filters[i] = filters[j];
          filters[j] = value;
        }
      }
      to.put(0, filters);
    };
  }
}
