package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Tensor;
import org.jresnet.graph.AvgPool;
import org.jresnet.graph.Op;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.Geometry;
import org.jresnet.nativebindings.onednn.Memory;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.Pooling;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;
import org.jresnet.nativebindings.onednn.Strided;

/**
 * Maximum or mean over a window, or the mean over the whole image. Max pooling saves the index of
 * each maximum.
 */
final class PoolPlan extends CpuPlan {
  private final Desc x;
  private final Desc y;
  private final PrimitiveDesc forward;
  private PrimitiveDesc backward;
  private Optional<PrimitiveDesc> accumulation = Optional.empty();

  /**
   * Adds the gradient of a mean over the whole image, one number per channel, to all pixels of dx.
   */
  private PrimitiveDesc spread;

  private PoolPlan(
      OneDnn dnn, OpSpec spec, Pooling.Kind kind, int rows, int columns, Geometry geometry) {
    super(dnn, spec);
    x = nhwc(spec.x(), spec.type());
    y = nhwc(spec.y(), spec.type());
    Pooling pooling = new Pooling(scope, kind, rows, columns, geometry);
    forward = require(pooling.forward(propagation(), x, y), "pooling");
    if (spec.write(Slot.DX) == GradientWrite.ACCUMULATE && spec.op() instanceof Op.GlobalAvgPool) {
      spread = require(new Strided(scope).add(x, y, x), "gradient accumulation");
      temporaries(y.bytes());
    } else if (spec.write(Slot.DX) != GradientWrite.NONE) {
      backward = require(pooling.backward(x, y, forward), "pooling backward");
      accumulation = accumulation(spec.write(Slot.DX), x);
      temporaries(accumulation.isPresent() ? x.bytes() : 0);
    }
    saved(forward.workspace().bytes());
  }

  static PoolPlan max(OneDnn dnn, OpSpec spec) {
    Op.MaxPool pool = (Op.MaxPool) spec.op();
    int window = pool.kernel();
    Geometry geometry = new Geometry(pool.stride(), pool.padding());
    return new PoolPlan(dnn, spec, Pooling.Kind.MAX, window, window, geometry);
  }

  static PoolPlan average(OneDnn dnn, OpSpec spec) {
    AvgPool pool = (AvgPool) spec.op();
    int window = pool.kernel();
    return new PoolPlan(
        dnn,
        spec,
        pool.divisor() == AvgPool.Divisor.WINDOW
            ? Pooling.Kind.AVERAGE_PADDED
            : Pooling.Kind.AVERAGE,
        window,
        window,
        new Geometry(pool.stride(), pool.padding()));
  }

  static PoolPlan mean(OneDnn dnn, OpSpec spec) {
    Geometry geometry = new Geometry(1, 0);
    return new PoolPlan(dnn, spec, Pooling.Kind.AVERAGE, spec.x().h(), spec.x().w(), geometry);
  }

  @Override
  public String implementation() {
    PrimitiveDesc back = spread == null ? backward : spread;
    return forward.implementation() + (back == null ? "" : " | " + back.implementation());
  }

  @Override
  protected void build(CpuBinding op, Operands operands) {
    Map<Arg, Memory> common = new EnumMap<>(Arg.class);
    if (forward.workspace().bytes() > 0) {
      common.put(Arg.WORKSPACE, op.at(forward.workspace(), Slot.SAVED));
    }
    Map<Arg, Memory> arguments = new EnumMap<>(common);
    arguments.put(Arg.SRC, op.at(x, Slot.X));
    arguments.put(Arg.DST, op.at(y, Slot.Y));
    op.call(FORWARD, forward, arguments);
    if (spread != null) {
      op.host(BACKWARD, 2 * y.bytes(), pixelGradient(operands));
      Memory pixel = op.at(y, Slot.SCRATCH, temporary(0));
      Memory dx = op.at(x, Slot.DX);
      op.call(BACKWARD, spread, Map.of(Arg.SRC, dx, Arg.SRC_1, pixel, Arg.DST, dx));
    } else if (backward != null) {
      Map<Arg, Memory> gradients = new EnumMap<>(common);
      gradients.put(Arg.DIFF_DST, op.at(y, Slot.DY));
      gradients.put(Arg.DIFF_SRC, target(op, accumulation, x, 0));
      op.call(BACKWARD, backward, gradients);
      accumulate(op, accumulation, x, 0);
    }
  }

  /** {@code dy / (h·w)}; oneDNN would multiply by the reciprocal, which is rounded. */
  private Runnable pixelGradient(Operands operands) {
    Tensor scratch = operands.get(Slot.SCRATCH);
    Tensor dy = operands.get(Slot.DY);
    HostTensor from = new HostTensor(dy);
    HostTensor to =
        new HostTensor(
            new Tensor(
                scratch.buffer(), scratch.offset() + temporary(0), dy.type(), dy.elements()));
    int c = spec.y().c();
    int n = spec.y().n();
    float pixels = spec.x().h() * spec.x().w();
    HostTensor.Row row = new HostTensor.Row(c);
    return () -> {
      for (int image = 0; image < n; image++) {
        from.get((long) image * c, row, c);
        for (int k = 0; k < c; k++) {
          row.values[k] /= pixels;
        }
        to.put((long) image * c, row, c);
      }
    };
  }
}
