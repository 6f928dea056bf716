package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;
import static org.jresnet.backend.Phase.PREPARE;

import java.nio.FloatBuffer;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Phase;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.cpu.vector.Curve;
import org.jresnet.backend.cpu.vector.GroupedConv;
import org.jresnet.backend.cpu.vector.GroupedShape;
import org.jresnet.backend.cpu.vector.GroupedWeights;
import org.jresnet.backend.cpu.vector.Rows;
import org.jresnet.backend.cpu.vector.Tail;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Slot;

/**
 * One product of a depthwise convolution, or of one in groups of whole vectors: the output, with a
 * folded batch norm and what follows it in inference, or one gradient in training.
 */
final class GroupedConvPlan extends CpuPlan {
  private static final String NAME = "java:grouped";

  private final OwnKernels kernels;

  /** Whether the gradient of the input is computed. */
  private final boolean adjoint;

  private GroupedConv conv;
  private GroupedWeights weights;

  GroupedConvPlan(OwnKernels kernels, OpSpec spec) {
    super(kernels.dnn(), spec);
    this.kernels = kernels;
    Conv2d op = (Conv2d) spec.op();
    GroupedShape shape =
        new GroupedShape(
            spec.x().n(),
            spec.x().h(),
            spec.x().w(),
            op.c(),
            op.k(),
            op.groups(),
            OwnKernels.window(op.rows()),
            OwnKernels.window(op.columns()));
    adjoint = spec.write(Slot.DX) != GradientWrite.NONE;
    if (spec.write(Slot.DWEIGHT) != GradientWrite.NONE) {
      requireNoAccumulation(spec.write(Slot.DWEIGHT), "dweight");
      weights = new GroupedWeights(shape, kernels.scratch());
      return;
    }
    boolean adds = spec.adds() || spec.write(Slot.DX) == GradientWrite.ACCUMULATE;
    Curve function = spec.activation().map(GroupedConvPlan::curve).orElse(Curve.IDENTITY);
    conv = GroupedConv.of(shape, adjoint, new Tail(adds, function), kernels.scratch());
    if (training()) {
      kernels.scratch().reserveFilters(conv.filterSize());
    }
    if (folds()) {
      temporaries((long) shape.k() * op.c() / op.groups() * op.taps() * Float.BYTES);
    }
  }

  /** Whether this plan can compute that part of an op. */
  static boolean suits(Part part) {
    OpSpec spec = part.spec();
    return spec.op() instanceof Conv2d op
        && op.groups() > 1
        && op.rows().dilation() == 1
        && op.columns().dilation() == 1
        && (spec.type() == DType.F32 || spec.type() == DType.BF16)
        && spec.output().type() == spec.type()
        && spec.output().quant().isEmpty()
        && (!spec.biased() || spec.part(Op.Part.NORM).isPresent())
        && spec.activation().stream().allMatch(a -> curve(a) != null)
        && GroupedShape.suits(op.c(), op.k(), op.groups());
  }

  private static Curve curve(Activation activation) {
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
    return NAME;
  }

  @Override
  protected void build(CpuBinding op, Operands operands) {
    if (weights != null) {
      kernels.filterGradient(op, operands, weights, NAME);
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
    op.kernel(once ? PREPARE : phase, "reorder", NAME, bytes, () -> workers.run(pack));
    Slot from = adjoint ? Slot.DY : Slot.X;
    Slot to = adjoint ? Slot.DX : Slot.Y;
    Rows x = OwnKernels.rows(operands.get(from));
    Rows y = OwnKernels.rows(operands.get(to));
    Workers.Task task =
        worker -> conv.run(worker, x, once ? own : kernels.scratch().filters(), bias, y);
    op.kernel(
        phase,
        adjoint ? "backward data" : "forward",
        NAME,
        operands.get(from).bytes() + operands.get(to).bytes() + operands.get(Slot.WEIGHT).bytes(),
        () -> workers.run(task));
  }
}
