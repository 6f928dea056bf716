package org.jresnet.bench;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.Backend;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.QuantParams;
import org.jresnet.backend.Slot;
import org.jresnet.backend.Tensor;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;

/**
 * What this machine can do at best, measured with the backend's own calls: the two roofs of the
 * roofline model (Williams et al. 2009, <a
 * href="https://doi.org/10.1145/1498765.1498785">doi:10.1145/1498765.1498785</a>).
 *
 * @param flopsPerSecond of the fastest of some 3x3 convolutions
 * @param bytesPerSecond of adding one tensor to another in place, both larger than the caches: two
 *     reads and a write. (A write to a third tensor would fetch its lines first, unseen by the
 *     count.)
 */
public record Ceilings(double flopsPerSecond, double bytesPerSecond) {
  // The first runs of a process may find the memory of others still in the caches, and slow clocks.
  private static final double SECONDS = 0.5;
  private static final List<Shape> CONVS =
      List.of(new Shape(8, 56, 56, 64), new Shape(8, 28, 28, 256), new Shape(8, 14, 14, 512));
  private static final Shape ADD = new Shape(16, 112, 112, 128);

  /** Measures both, in about two seconds. */
  public static Ceilings measure(Backend backend, Precision precision) {
    double flops = 0;
    for (Shape shape : CONVS) {
      OpSpec conv = conv(shape, precision);
      flops = Math.max(flops, 2.0 * conv.macs() / seconds(backend, precision, conv));
    }
    DType type = precision == Precision.INT8 ? DType.F32 : precision.activation();
    OpSpec add = new OpSpec.Add(ADD, type, Pass.INFERENCE, GradientWrite.NONE, GradientWrite.NONE);
    double bytes = 3.0 * ADD.elements() * type.bytes();
    return new Ceilings(flops, bytes / seconds(backend, precision, add));
  }

  private static OpSpec conv(Shape shape, Precision precision) {
    OpSpec.Window window = new OpSpec.Window(3, 1, 1);
    if (precision == Precision.INT8) {
      QuantParams bytes = new QuantParams(DType.U8, 1);
      return new OpSpec.QuantizedConv(
          shape, shape, window, 1, OpSpec.Activation.NONE, bytes, Optional.empty(), bytes);
    }
    return new OpSpec.Conv(
        shape,
        shape,
        window,
        precision.activation(),
        Pass.INFERENCE,
        GradientWrite.NONE,
        GradientWrite.NONE);
  }

  /** Seconds that a call with this work cannot go below. */
  public double floor(long flops, long bytes) {
    return Math.max(flops / flopsPerSecond, bytes / bytesPerSecond);
  }

  private static double seconds(Backend backend, Precision precision, OpSpec spec) {
    Map<String, Buffer> buffers = new HashMap<>();
    try (OpPlan plan = backend.plan(spec)) {
      Operands operands = new Operands();
      give(backend, buffers, operands, Slot.X, spec.type(), spec.y().elements());
      if (spec instanceof OpSpec.Add) {
        give(backend, buffers, operands, Slot.RESIDUAL, spec.type(), spec.y().elements());
      } else {
        int channels = spec.y().c();
        long weights = spec.macs() / spec.y().elements() * channels;
        give(backend, buffers, operands, Slot.WEIGHT, precision.parameter(), weights);
        for (Slot slot : List.of(Slot.GAMMA, Slot.BETA, Slot.RUNNING_MEAN, Slot.RUNNING_VAR)) {
          give(backend, buffers, operands, slot, precision.parameter(), channels);
        }
      }
      if (spec instanceof OpSpec.Add) {
        operands.with(Slot.Y, operands.get(Slot.X));
      } else {
        give(backend, buffers, operands, Slot.Y, spec.type(), spec.y().elements());
      }
      if (plan.packedBytes() > 0) {
        give(backend, buffers, operands, Slot.PACKED, DType.U8, plan.packedBytes());
      }
      if (plan.scratchBytes() > 0) {
        give(backend, buffers, operands, Slot.SCRATCH, DType.U8, plan.scratchBytes());
      }
      try (BoundOp op = plan.bind(operands)) {
        op.prepare();
        double best = Double.MAX_VALUE;
        long end = System.nanoTime() + (long) (1e9 * SECONDS);
        for (long start = System.nanoTime(); start < end; start = System.nanoTime()) {
          op.forward();
          backend.synchronize();
          best = Math.min(best, (System.nanoTime() - start) / 1e9);
        }
        return best;
      }
    } finally {
      buffers.values().forEach(Buffer::close);
    }
  }

  private static void give(
      Backend backend,
      Map<String, Buffer> buffers,
      Operands operands,
      Slot slot,
      DType type,
      long elements) {
    Buffer buffer = backend.allocate("measuring", elements * type.bytes());
    buffers.put(slot.name(), buffer);
    Tensor tensor = new Tensor(buffer, 0, type, elements);
    if (type != DType.U8) {
      tensor.set(new float[Math.toIntExact(elements)]);
    }
    operands.with(slot, tensor);
  }
}
