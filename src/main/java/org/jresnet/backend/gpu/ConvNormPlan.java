package org.jresnet.backend.gpu;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpCall;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Phase;
import org.jresnet.backend.TensorSpec;
import org.jresnet.backend.gpu.Planner.Arithmetic;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.Convolution;
import org.jresnet.nativebindings.cuda.OpGraph;
import org.jresnet.nativebindings.cuda.Statistics;

/**
 * A convolution in training with the batch norm behind it, whose statistics are summed where the
 * convolution writes its output: the norm then reads it once, not twice. Backward is that of the
 * two ops alone.
 */
final class ConvNormPlan extends GpuPlan {
  /** What a gradient of the norm belongs to, or of its residual. */
  private static final List<Slot> OF_NORM = List.of(Slot.DGAMMA, Slot.DBETA, Slot.DRESIDUAL);

  private final ConvPlan conv;
  private final NormPlan norm;
  private final long tensorBytes;
  private final long vector;

  ConvNormPlan(Planner planner, OpSpec spec) {
    super(planner, spec);
    Conv2d op = (Conv2d) spec.op();
    Shape shape = op.output(List.of(spec.x()));
    TensorSpec between = new TensorSpec(shape, spec.type());
    OpSpec alone = ofConv(spec, between);
    Planned engine =
        statistics(planner, alone)
            .orElseThrow(
                () -> new UnsupportedOperationException("cuDNN sums no statistics of " + alone));
    conv = ConvPlan.around(planner, alone, engine);
    norm = NormPlan.ofSums(planner, ofNorm(spec, between));
    tensorBytes = align(shape.elements() * spec.type().bytes());
    vector = align(4L * op.k());
    adopt(conv);
    adopt(norm);
    libraryScratch(Math.max(conv.scratchBytes(), norm.scratchBytes()));
    temporaries(tensorBytes + 2 * vector);
    saved(tensorBytes + align(conv.savedBytes()) + norm.savedBytes());
  }

  /** Why the statistics of a convolution cannot be summed by its engine; empty if they can. */
  static Optional<String> refusal(Planner planner, OpSpec alone) {
    Conv2d conv = (Conv2d) alone.op();
    if (alone.type() != DType.BF16 && alone.type() != DType.F16) {
      return Optional.of("only in bf16 and fp16");
    } else if (alone.pass() != Pass.TRAINING || alone.mode() != Mode.TRAIN) {
      return Optional.of("its weights are frozen");
    } else if (conv.bias() != Conv2d.Bias.NONE) {
      return Optional.of("it has a bias");
    } else if (conv.k() % 8 != 0) {
      return Optional.of("8 does not divide its " + conv.k() + " channels");
    }
    return statistics(planner, alone).isPresent()
        ? Optional.empty()
        : planner.refusal(key(alone), alone.type());
  }

  private static Optional<Planned> statistics(Planner planner, OpSpec alone) {
    Conv2d conv = (Conv2d) alone.op();
    return planner.plan(
        key(alone),
        alone.type(),
        Arithmetic.PRODUCTS,
        d -> {
          OpGraph.Value y = d.tensor("y", alone.y());
          new Convolution(d.graph, geometry(conv))
              .forward(d.tensor("x", alone.x()), d.filter("w", conv), y);
          new Statistics(d.graph)
              .sums(y, d.channels("sum", conv.k()), d.channels("squares", conv.k()));
        });
  }

  private static String key(OpSpec alone) {
    return "convolution forward + statistics " + text(alone.x(), alone.y(), (Conv2d) alone.op());
  }

  private static OpSpec ofConv(OpSpec spec, TensorSpec y) {
    Map<Slot, GradientWrite> gradients = new TreeMap<>(spec.gradients());
    gradients.keySet().removeAll(OF_NORM);
    return new OpSpec(
        spec.op(), List.of(), spec.inputs().subList(0, 1), y, spec.mode(), spec.pass(), gradients);
  }

  private static OpSpec ofNorm(OpSpec spec, TensorSpec x) {
    Map<Slot, GradientWrite> gradients = new TreeMap<>(spec.gradients());
    gradients.keySet().retainAll(OF_NORM);
    gradients.put(Slot.DX, GradientWrite.OVERWRITE);
    List<TensorSpec> inputs = new ArrayList<>(spec.inputs());
    inputs.set(0, x);
    List<Op> tail = spec.tail();
    return new OpSpec(
        tail.get(0),
        tail.subList(1, tail.size()),
        inputs,
        spec.output(),
        spec.mode(),
        spec.pass(),
        gradients);
  }

  @Override
  List<Form> forms() {
    return conv.forms();
  }

  @Override
  List<Traffic> traffic() {
    List<Traffic> all = new ArrayList<>(conv.traffic());
    all.addAll(norm.traffic());
    return all;
  }

  @Override
  protected void build(GpuBinding op, Operands operands) {
    Place between = op.at(Slot.SAVED);
    Place ofConv = between.plus(tensorBytes);
    Place ofNorm = ofConv.plus(align(conv.savedBytes()));
    Place gradient = op.at(Slot.SCRATCH, temporary(0));
    Place sum = gradient.plus(tensorBytes);
    Place squares = sum.plus(vector);
    List<OpCall> backward =
        op.holding(
            Phase.BACKWARD,
            Map.of(Slot.Y, between, Slot.DY, gradient, Slot.SAVED, ofConv),
            () -> conv.build(op, Map.of("sum", sum, "squares", squares)));
    op.holding(
        Phase.PREPARE,
        Map.of(Slot.X, between, Slot.DX, gradient, Slot.SAVED, ofNorm),
        () -> norm.build(op, sum, squares));
    backward.forEach(op::send);
  }
}
