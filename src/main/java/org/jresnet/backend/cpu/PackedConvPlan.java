package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;
import static org.jresnet.backend.Phase.PREPARE;

import java.nio.FloatBuffer;
import java.util.function.Supplier;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Phase;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.cpu.vector.Curve;
import org.jresnet.backend.cpu.vector.PackedConv;
import org.jresnet.backend.cpu.vector.Rows;
import org.jresnet.backend.cpu.vector.Tail;
import org.jresnet.backend.cpu.vector.WeightGradient;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Slot;

/**
 * One product of a convolution by a kernel of our own: the output, with a folded batch norm and
 * what follows it in inference, or one gradient in training.
 */
abstract class PackedConvPlan extends CpuPlan {
  private final OwnKernels kernels;
  private final String name;

  /** Whether the gradient of the input is computed. */
  private final boolean adjoint;

  private PackedConv conv;
  private WeightGradient weights;

  /** Makes the kernel of an output, or of the gradient of an input. */
  interface Maker {
    PackedConv make(boolean adjoint, Tail tail);
  }

  PackedConvPlan(
      OwnKernels kernels,
      OpSpec spec,
      String name,
      Maker maker,
      Supplier<WeightGradient> weightMaker) {
    super(kernels.dnn(), spec);
    this.kernels = kernels;
    this.name = name;
    adjoint = spec.write(Slot.DX) != GradientWrite.NONE;
    if (spec.write(Slot.DWEIGHT) != GradientWrite.NONE) {
      requireNoAccumulation(spec.write(Slot.DWEIGHT), "dweight");
      weights = weightMaker.get();
      return;
    }
    boolean adds = spec.adds() || spec.write(Slot.DX) == GradientWrite.ACCUMULATE;
    Curve function = spec.activation().map(PackedConvPlan::curve).orElse(Curve.IDENTITY);
    conv = maker.make(adjoint, new Tail(adds, function));
    if (training()) {
      kernels.scratch().reserveFilters(conv.filterSize());
    }
    if (folds()) {
      Conv2d op = (Conv2d) spec.op();
      temporaries((long) op.k() * op.c() / op.groups() * op.taps() * Float.BYTES);
    }
  }

  /** Whether types and what follows the convolution are those of our kernels. */
  static boolean suits(OpSpec spec) {
    return (spec.type() == DType.F32 || spec.type() == DType.BF16)
        && spec.output().quant().isEmpty()
        && (!spec.biased() || spec.part(Op.Part.NORM).isPresent());
  }

  /** The activation as our kernels have it; null where they have none. */
  static Curve curve(Activation activation) {
    return switch (activation.function()) {
      case RELU -> Curve.RELU;
      case RELU6 -> Curve.RELU6;
      case HARD_SWISH -> Curve.HARD_SWISH;
      case SILU -> Curve.SILU;
      case LEAKY_RELU, SIGMOID, HARD_SIGMOID -> null;
    };
  }

  private boolean folds() {
    return spec.part(Op.Part.NORM).isPresent();
  }

  @Override
  public String implementation() {
    return name;
  }

  @Override
  protected void build(CpuBinding op, Operands operands) {
    if (weights != null) {
      kernels.filterGradient(op, operands, weights, name);
      return;
    }
    boolean once = !training();
    Phase phase = adjoint ? BACKWARD : FORWARD;
    float[] own = once ? new float[conv.filterSize()] : null;
    float[] bias = folds() ? new float[conv.biasSize()] : null;
    Tensor weight = operands.get(Slot.WEIGHT);
    if (folds()) {
      Tensor scratch = operands.get(Slot.SCRATCH);
      weight =
          new Tensor(
              scratch.buffer(), scratch.offset() + temporary(0), DType.F32, weight.elements());
      FloatBuffer filters = CpuBuffer.floats(weight);
      op.host(PREPARE, () -> Folding.into(spec, operands, filters, FloatBuffer.wrap(bias)));
    }
    Rows filters = OwnKernels.rows(weight);
    Workers workers = kernels.workers();
    Workers.Task pack =
        worker -> conv.packFilters(worker, filters, once ? own : kernels.scratch().filters());
    long bytes = operands.get(Slot.WEIGHT).bytes() + conv.filterSize() * (long) Float.BYTES;
    op.kernel(once ? PREPARE : phase, "reorder", name, bytes, () -> workers.run(pack));
    Slot from = adjoint ? Slot.DY : Slot.X;
    Slot to = adjoint ? Slot.DX : Slot.Y;
    Rows x = OwnKernels.rows(operands.get(from));
    Rows y = OwnKernels.rows(operands.get(to));
    Workers.Task task =
        worker -> conv.run(worker, x, once ? own : kernels.scratch().filters(), bias, y);
    op.kernel(
        phase,
        adjoint ? "backward data" : "forward",
        name,
        operands.get(from).bytes() + operands.get(to).bytes() + operands.get(Slot.WEIGHT).bytes(),
        () -> {
          conv.start();
          workers.run(task);
        });
  }
}
