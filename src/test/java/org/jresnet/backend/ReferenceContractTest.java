package org.jresnet.backend;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.check.OpRun;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;

/**
 * The reference backend against PyTorch's numbers, fused ops against their parts one after another,
 * and every policy of writing gradients against that of writing all. {@code GradientCheckTest}
 * holds the gradients to central differences.
 */
class ReferenceContractTest extends BackendContract {
  @Override
  Backend open() {
    return new ReferenceBackend();
  }

  @Override
  public String name() {
    return "reference";
  }

  @Override
  public List<Precision> precisions() {
    return List.of(Precision.FP64);
  }

  @Override
  public Map<Slot, double[]> expected(OpSpec spec, Map<Slot, double[]> inputs) {
    return spec.pass() == Pass.INFERENCE && !spec.tail().isEmpty()
        ? Map.of(Slot.Y, inParts(spec, inputs))
        : withAllGradients(spec, inputs);
  }

  private double[] inParts(OpSpec spec, Map<Slot, double[]> inputs) {
    double[] y = inputs.get(Slot.X);
    Shape shape = spec.x();
    List<Op> parts = Stream.concat(Stream.of(spec.op()), spec.tail().stream()).toList();
    for (Op part : parts) {
      List<Shape> shapes = part.arity() == 1 ? List.of(shape) : List.of(shape, shape);
      shape = part.output(shapes);
      OpSpec alone = spec(part, shapes, shape, spec, Map.of());
      Map<Slot, double[]> values = new TreeMap<>(inputs);
      values.put(Slot.X, y);
      values.keySet().retainAll(OpRun.slots(alone));
      y = OpRun.run(backend(), alone, values, Map.of()).get(Slot.Y);
    }
    return y;
  }

  private static OpSpec spec(
      Op op, List<Shape> inputs, Shape output, OpSpec like, Map<Slot, GradientWrite> gradients) {
    List<TensorSpec> tensors = inputs.stream().map(s -> new TensorSpec(s, like.type())).toList();
    TensorSpec y = new TensorSpec(output, like.type());
    return new OpSpec(op, List.of(), tensors, y, like.mode(), like.pass(), gradients);
  }

  private Map<Slot, double[]> withAllGradients(OpSpec spec, Map<Slot, double[]> inputs) {
    Map<Slot, GradientWrite> all = new TreeMap<>();
    Map<Slot, double[]> given = new TreeMap<>(inputs);
    given.keySet().removeIf(slot -> slot.gradientOf().isPresent() && slot != Slot.DY);
    if (spec.pass() == Pass.TRAINING) {
      OpRun.slotsAndGradients(spec).stream()
          .filter(slot -> slot != Slot.DY && slot.gradientOf().isPresent())
          .filter(slot -> isWritten(spec, slot))
          .forEach(slot -> all.put(slot, GradientWrite.OVERWRITE));
    }
    OpSpec plain =
        new OpSpec(
            spec.op(), spec.tail(), spec.inputs(), spec.output(), spec.mode(), spec.pass(), all);
    Map<Slot, double[]> result = OpRun.run(backend(), plain, given, Map.of());
    result.keySet().retainAll(OpRun.written(spec));
    spec.gradients()
        .forEach(
            (slot, write) -> {
              double[] values = result.get(slot);
              for (int i = 0; i < values.length && write == GradientWrite.ACCUMULATE; i++) {
                values[i] += inputs.get(slot)[i];
              }
            });
    return result;
  }

  /** Whether the op has that gradient. */
  private static boolean isWritten(OpSpec spec, Slot gradient) {
    Slot of = gradient.gradientOf().orElseThrow();
    for (int i = 0; i < spec.op().arity(); i++) {
      if (of == Slot.input(i)) {
        return spec.op().differentiates(i);
      }
    }
    return true;
  }

  @Override
  public boolean maxPoolKeepsNonFinite() {
    return true;
  }
}
