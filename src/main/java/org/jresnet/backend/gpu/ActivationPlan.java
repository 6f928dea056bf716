package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import java.util.Optional;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.Elementwise.Function;
import org.jresnet.nativebindings.cuda.Elementwise.Kind;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;

/** An activation that stands alone: kernels of our own. */
final class ActivationPlan extends GpuPlan {
  private final Activation activation;

  ActivationPlan(Planner planner, OpSpec spec) {
    super(planner, spec);
    activation = (Activation) spec.op();
  }

  /** The function within a graph of cuDNN, where it is one of cuDNN's. */
  static Optional<Function> function(Activation f) {
    return switch (f.function()) {
      case RELU -> Optional.of(new Function(Kind.RELU));
      case RELU6 -> Optional.of(new Function(Kind.RELU, 6, 0));
      case LEAKY_RELU ->
          Optional.of(new Function(Kind.RELU, Float.POSITIVE_INFINITY, (float) f.slope()));
      case SIGMOID -> Optional.of(new Function(Kind.SIGMOID));
      case SILU -> Optional.of(new Function(Kind.SWISH));
      case HARD_SWISH, HARD_SIGMOID -> Optional.empty();
    };
  }

  /** As keys of plans name it. */
  static String text(Activation f) {
    return switch (f.function()) {
      case RELU -> "ReLU";
      case LEAKY_RELU -> f.kind() + " " + f.slope();
      default -> f.kind();
    };
  }

  /** The function's number in activation.h. */
  static int code(Activation f) {
    return switch (f.function()) {
      case RELU -> 1;
      case RELU6 -> 2;
      case LEAKY_RELU -> 3;
      case SIGMOID -> 4;
      case SILU -> 5;
      case HARD_SWISH -> 6;
      case HARD_SIGMOID -> 7;
    };
  }

  /** {@code to = f(from)}, over the elements of the op's output; both may be one place. */
  static void forward(GpuBinding op, Activation f, OpSpec spec, Place from, Place to) {
    long elements = spec.y().elements();
    op.vectorised(
        FORWARD,
        "activation_" + Gpu.suffix(spec.type()),
        elements,
        2 * elements * spec.type().bytes(),
        new Arguments()
            .add(from.address())
            .add(to.address())
            .add(code(f))
            .add((float) f.slope())
            .add(elements));
  }

  @Override
  protected void build(GpuBinding op, Operands operands) {
    forward(op, activation, spec, op.at(Slot.X), op.at(Slot.Y));
    if (spec.write(Slot.DX) != GradientWrite.NONE) {
      long elements = spec.y().elements();
      int adds = adds(Slot.DX);
      op.vectorised(
          BACKWARD,
          "activationBackward_" + Gpu.suffix(spec.type()),
          elements,
          (3 + adds) * elements * spec.type().bytes(),
          new Arguments()
              .add(op.at(activation.reads(Slot.DX).iterator().next()).address())
              .add(op.at(Slot.DY).address())
              .add(op.at(Slot.DX).address())
              .add(code(activation))
              .add((float) activation.slope())
              .add(adds)
              .add(elements));
    }
  }
}
