package org.jresnet.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.Backend;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.Contest;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operand;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.QuantParams;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.TensorSpec;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;

/**
 * What this machine can do at best, measured with the backend's own calls: the two roofs of the
 * roofline model (Williams et al. 2009, <a
 * href="https://doi.org/10.1145/1498765.1498785">doi:10.1145/1498765.1498785</a>).
 *
 * @param flopsPerSecond of the fastest of some 3x3 convolutions by direct sums. Algorithms with
 *     fewer multiplications, such as Winograd's, can pass it, since FLOPs are those of direct sums
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
      flops = Math.max(flops, 2.0 * conv.macs() / seconds(backend, conv));
    }
    DType type = precision == Precision.INT8 ? DType.F32 : precision.activation();
    TensorSpec tensor = new TensorSpec(ADD, type);
    OpSpec add = inference(new Op.Add(), List.of(), List.of(tensor, tensor), tensor);
    double bytes = 3.0 * ADD.elements() * type.bytes();
    return new Ceilings(flops, bytes / seconds(backend, add));
  }

  private static OpSpec conv(Shape shape, Precision precision) {
    Op conv = new Conv2d(shape.c(), shape.c(), 3, 1, 1);
    if (precision == Precision.INT8) {
      TensorSpec bytes = new TensorSpec(shape, new QuantParams(DType.U8, 1));
      Op norm = new Op.BatchNorm(shape.c(), 1, 0);
      return inference(conv, List.of(norm), List.of(bytes), bytes);
    }
    TensorSpec tensor = new TensorSpec(shape, precision.activation());
    return inference(conv, List.of(), List.of(tensor), tensor);
  }

  private static OpSpec inference(
      Op op, List<Op> tail, List<TensorSpec> inputs, TensorSpec output) {
    return new OpSpec(op, tail, inputs, output, Mode.EVALUATE, Pass.INFERENCE, Map.of());
  }

  /** Seconds that a call with this work cannot go below with direct sums. */
  public double floor(long flops, long bytes) {
    return Math.max(flops / flopsPerSecond, bytes / bytesPerSecond);
  }

  /** The library's own choice, which sums directly. */
  private static OpPlan direct(Backend backend, OpSpec spec) {
    List<Contest> contests = backend.contests(spec);
    return contests.isEmpty()
        ? backend.plan(spec)
        : backend.plan(spec, contests.get(0).candidates().get(0));
  }

  private static double seconds(Backend backend, OpSpec spec) {
    List<Buffer> buffers = new ArrayList<>();
    try (OpPlan plan = direct(backend, spec)) {
      Operands operands = new Operands();
      for (Operand operand : plan.operands()) {
        // The sum goes over its first term: writing a third tensor would fetch its lines first.
        boolean inPlace = operand.slot() == Slot.Y && operands.has(Slot.RESIDUAL);
        operands.with(
            operand.slot(), inPlace ? operands.get(Slot.X) : allocate(backend, buffers, operand));
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
      buffers.forEach(Buffer::close);
    }
  }

  private static Tensor allocate(Backend backend, List<Buffer> buffers, Operand operand) {
    Buffer buffer = backend.allocate("measuring", operand.bytes());
    buffers.add(buffer);
    Tensor tensor = new Tensor(buffer, 0, operand.type(), operand.elements());
    if (operand.slot().kind() != Slot.Kind.EXTRA && operand.type() != DType.U8) {
      tensor.set(new float[Math.toIntExact(operand.elements())]);
    }
    return tensor;
  }
}
