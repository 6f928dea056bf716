package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;
import static org.jresnet.backend.Phase.PREPARE;

import java.nio.FloatBuffer;
import java.util.Optional;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Phase;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.cpu.vector.Rows;
import org.jresnet.backend.cpu.vector.WinogradConv;
import org.jresnet.backend.cpu.vector.WinogradConv.Tail;
import org.jresnet.backend.cpu.vector.WinogradShape;
import org.jresnet.backend.cpu.vector.WinogradWeights;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Axis;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Slot;

/**
 * One product of a 3x3 convolution with stride 1 by Winograd's algorithm: the output, with a folded
 * batch norm and what follows it in inference, or one gradient in training.
 */
final class WinogradPlan extends CpuPlan {
  private static final String NAME = "java:winograd4x4";

  /** Filters, each of which becomes 144 bytes in the Java heap: 300 MB. */
  private static final long MOST_FILTERS = 2 << 20;

  private final OwnKernels kernels;
  private final WinogradShape shape;

  /** Whether the gradient of the input is computed, by the same kernel as the output. */
  private final boolean adjoint;

  private WinogradConv conv;
  private WinogradWeights weights;

  WinogradPlan(OwnKernels kernels, OpSpec spec) {
    super(kernels.dnn(), spec);
    this.kernels = kernels;
    shape = shape(spec);
    adjoint = spec.write(Slot.DX) != GradientWrite.NONE;
    if (spec.write(Slot.DWEIGHT) != GradientWrite.NONE) {
      requireNoAccumulation(spec.write(Slot.DWEIGHT), "dweight");
      weights = new WinogradWeights(shape, kernels.scratch());
      return;
    }
    WinogradShape computed = adjoint ? shape.backward() : shape;
    conv = new WinogradConv(computed, adjoint, tail(spec), kernels.scratch());
    if (training()) {
      kernels.scratch().reserveFilters(conv.filterSize());
    }
    if (spec.part(Op.Part.NORM).isPresent()) {
      temporaries(9L * shape.c() * shape.k() * Float.BYTES);
    }
  }

  /** Whether this plan can compute that part of an op. */
  static boolean suits(Part part) {
    OpSpec spec = part.spec();
    return spec.op() instanceof Conv2d op
        && op.groups() == 1
        && suits(op.rows())
        && op.rows().equals(op.columns())
        && (spec.type() == DType.F32 || spec.type() == DType.BF16)
        && spec.output().quant().isEmpty()
        && (!spec.biased() || spec.part(Op.Part.NORM).isPresent())
        && spec.activation().stream().allMatch(a -> a.function() == Activation.Function.RELU)
        && (long) op.c() * op.k() <= MOST_FILTERS
        && WinogradShape.suits(op.c(), op.k());
  }

  private static boolean suits(Axis axis) {
    return axis.size() == 3 && axis.stride() == 1 && axis.dilation() == 1 && axis.padding() < 3;
  }

  private static WinogradShape shape(OpSpec spec) {
    Conv2d op = (Conv2d) spec.op();
    return new WinogradShape(
        spec.x().n(), spec.x().h(), spec.x().w(), op.c(), op.k(), op.rows().padding());
  }

  private static Tail tail(OpSpec spec) {
    return spec.adds() || spec.write(Slot.DX) == GradientWrite.ACCUMULATE
        ? spec.activates() ? Tail.ADD_RELU : Tail.ADD
        : spec.activates() ? Tail.RELU : Tail.NONE;
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
    Slot from = adjoint ? Slot.DY : Slot.X;
    Slot to = adjoint ? Slot.DX : Slot.Y;
    Phase phase = adjoint ? BACKWARD : FORWARD;
    Rows x = OwnKernels.rows(operands.get(from));
    Rows y = OwnKernels.rows(operands.get(to));
    Workers workers = kernels.workers();
    boolean once = !training();
    float[] own = once ? new float[conv.filterSize()] : null;
    Optional<Tensor> folded = folded(operands);
    float[] bias = folded.isPresent() ? new float[shape.k()] : null;
    folded.ifPresent(
        into ->
            op.host(
                PREPARE,
                () ->
                    Folding.into(spec, operands, CpuBuffer.floats(into), FloatBuffer.wrap(bias))));
    Rows weight = OwnKernels.rows(folded.orElse(operands.get(Slot.WEIGHT)));
    Workers.Task transform =
        worker -> conv.transformFilters(worker, weight, once ? own : kernels.scratch().filters());
    op.kernel(
        once ? PREPARE : phase,
        "reorder",
        NAME,
        bytes(operands, Slot.WEIGHT) + conv.filterSize() * (long) Float.BYTES,
        () -> workers.run(transform));
    Workers.Task task =
        worker -> conv.run(worker, x, once ? own : kernels.scratch().filters(), bias, y);
    op.kernel(
        phase,
        adjoint ? "backward data" : "forward",
        NAME,
        bytes(operands, from, to, Slot.WEIGHT),
        () -> {
          conv.start();
          workers.run(task);
        });
  }

  private static long bytes(Operands operands, Slot... slots) {
    long sum = 0;
    for (Slot slot : slots) {
      sum += operands.get(slot).bytes();
    }
    return sum;
  }

  /** Where filters lie with the norm folded in, if there is one. */
  private Optional<Tensor> folded(Operands operands) {
    if (spec.part(Op.Part.NORM).isEmpty()) {
      return Optional.empty();
    }
    Tensor scratch = operands.get(Slot.SCRATCH);
    long values = operands.get(Slot.WEIGHT).elements();
    return Optional.of(
        new Tensor(scratch.buffer(), scratch.offset() + temporary(0), DType.F32, values));
  }
}
