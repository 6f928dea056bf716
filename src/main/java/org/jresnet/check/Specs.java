package org.jresnet.check;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.backend.TensorSpec;
import org.jresnet.graph.Activation.Function;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;

/** Specs of single ops, as short as tests need them. */
public final class Specs {
  /** Extent, stride and padding of a window. */
  public record Window(int kernel, int stride, int padding) {}

  /** Whether a residual is added within the call. */
  public enum Residual {
    /** No. */
    NONE,
    /** Yes. */
    ADD
  }

  /** What ends the call. */
  public enum Activation {
    /** Nothing. */
    NONE(null, 0),
    /** {@code max(x, 0)}. */
    RELU(Function.RELU, 0),
    /** {@code min(max(x, 0), 6)}. */
    RELU6(Function.RELU6, 0),
    /** A fifth below 0. */
    LEAKY_RELU(Function.LEAKY_RELU, 0.2),
    /** {@code σ(x)}. */
    SIGMOID(Function.SIGMOID, 0),
    /** {@code x·σ(x)}. */
    SILU(Function.SILU, 0),
    /** Its piecewise approximation. */
    HARD_SWISH(Function.HARD_SWISH, 0),
    /** That of the sigmoid. */
    HARD_SIGMOID(Function.HARD_SIGMOID, 0);

    /** What batch norms take along in training. */
    public static final List<Activation> IN_TRAINING = List.of(NONE, RELU);

    private final Function function;
    private final double slope;

    Activation(Function function, double slope) {
      this.function = function;
      this.slope = slope;
    }

    /** The op. */
    public Optional<Op> op() {
      return Optional.ofNullable(function).map(f -> new org.jresnet.graph.Activation(f, slope));
    }
  }

  private Specs() {}

  private static List<Op> tail(Optional<Op> norm, Residual residual, Activation activation) {
    return Stream.of(
            norm,
            residual == Residual.ADD ? Optional.<Op>of(new Op.Add()) : Optional.<Op>empty(),
            activation.op())
        .flatMap(Optional::stream)
        .toList();
  }

  private static List<TensorSpec> inputs(TensorSpec x, TensorSpec added, Residual residual) {
    return residual == Residual.ADD ? List.of(x, added) : List.of(x);
  }

  /** A convolution with a square filter. */
  public static Conv2d conv2d(int c, int k, Window w) {
    return new Conv2d(c, k, w.kernel, w.stride, w.padding);
  }

  private static OpSpec of(
      Op op, TensorSpec x, TensorSpec y, Pass pass, Map<Slot, GradientWrite> gradients) {
    Mode mode = pass == Pass.TRAINING ? Mode.TRAIN : Mode.EVALUATE;
    return new OpSpec(op, List.of(), List.of(x), y, mode, pass, gradients);
  }

  private static TensorSpec output(Op op, Shape x, DType type) {
    return new TensorSpec(op.output(List.of(x)), type);
  }

  /** {@code y = x ∗ weight + bias}, the convolution may be transposed. */
  public static OpSpec conv(
      Shape x, Op conv, DType type, Pass pass, GradientWrite dx, GradientWrite dparameters) {
    Map<Slot, GradientWrite> gradients = new HashMap<>(Map.of(Slot.DX, dx));
    conv.parameters("").stream()
        .flatMap(p -> p.role().slot().orElseThrow().gradient().stream())
        .forEach(gradient -> gradients.put(gradient, dparameters));
    return of(conv, new TensorSpec(x, type), output(conv, x, type), pass, gradients);
  }

  /** A convolution in inference with its batch norm folded in. */
  public static OpSpec foldedConv(
      Shape x, Conv2d conv, DType type, double eps, Residual residual, Activation activation) {
    TensorSpec out = output(conv, x, type);
    return new OpSpec(
        conv,
        tail(Optional.of(new Op.BatchNorm(conv.k(), eps, 0.1)), residual, activation),
        inputs(new TensorSpec(x, type), out, residual),
        out,
        Mode.EVALUATE,
        Pass.INFERENCE,
        Map.of());
  }

  /** Batch norm, then residual, then activation. */
  public static OpSpec norm(
      Shape y,
      double eps,
      double momentum,
      DType type,
      Pass pass,
      Mode mode,
      Residual residual,
      Activation activation,
      GradientWrite dx,
      GradientWrite dparameters) {
    TensorSpec tensor = new TensorSpec(y, type);
    Map<Slot, GradientWrite> gradients = new TreeMap<>();
    gradients.put(Slot.DX, dx);
    gradients.put(Slot.DGAMMA, dparameters);
    gradients.put(Slot.DBETA, dparameters);
    if (residual == Residual.ADD && pass == Pass.TRAINING) {
      gradients.put(Slot.DRESIDUAL, GradientWrite.OVERWRITE);
    }
    return new OpSpec(
        new Op.BatchNorm(y.c(), eps, momentum),
        tail(Optional.empty(), residual, activation),
        inputs(tensor, tensor, residual),
        tensor,
        mode,
        pass,
        gradients);
  }

  /**
   * An op without a tail, whose output follows from its inputs' shapes.
   *
   * @param writes how the gradient of each input is written, in their order; the last one stands
   *     for all that follow
   */
  public static OpSpec of(
      Op op, List<Shape> inputs, DType type, Pass pass, GradientWrite... writes) {
    Map<Slot, GradientWrite> gradients = new TreeMap<>();
    for (int i = 0; i < inputs.size(); i++) {
      if (op.differentiates(i)) {
        Slot gradient = Slot.input(i).gradient().orElseThrow();
        gradients.put(gradient, writes[Math.min(i, writes.length - 1)]);
      }
    }
    return new OpSpec(
        op,
        List.of(),
        inputs.stream().map(shape -> new TensorSpec(shape, type)).toList(),
        new TensorSpec(op.output(inputs), type),
        pass == Pass.TRAINING ? Mode.TRAIN : Mode.EVALUATE,
        pass,
        gradients);
  }

  /** The same with the gradients of all parameters of the op. */
  public static OpSpec withParameters(Op op, List<Shape> inputs, DType type) {
    OpSpec spec = of(op, inputs, type, Pass.TRAINING, GradientWrite.OVERWRITE);
    Map<Slot, GradientWrite> gradients = new TreeMap<>(spec.gradients());
    op.parameters("").stream()
        .filter(p -> p.role().trainable())
        .flatMap(p -> p.role().slot().orElseThrow().gradient().stream())
        .forEach(gradient -> gradients.put(gradient, GradientWrite.OVERWRITE));
    return new OpSpec(
        op, List.of(), spec.inputs(), spec.output(), Mode.TRAIN, Pass.TRAINING, gradients);
  }

  /** A function of each element. */
  public static OpSpec activation(Activation f, Shape y, DType type, Pass pass, GradientWrite dx) {
    TensorSpec tensor = new TensorSpec(y, type);
    return of(f.op().orElseThrow(), tensor, tensor, pass, Map.of(Slot.DX, dx));
  }

  /** {@code y = x + residual} */
  public static OpSpec add(
      Shape y, DType type, Pass pass, GradientWrite dx, GradientWrite dresidual) {
    TensorSpec tensor = new TensorSpec(y, type);
    return new OpSpec(
        new Op.Add(),
        List.of(),
        List.of(tensor, tensor),
        tensor,
        Mode.TRAIN,
        pass,
        Map.of(Slot.DX, dx, Slot.DRESIDUAL, dresidual));
  }

  /** Maximum over a window. */
  public static OpSpec maxPool(
      Shape x, Shape y, Window w, DType type, Pass pass, GradientWrite dx) {
    return of(
        new Op.MaxPool(w.kernel, w.stride, w.padding),
        new TensorSpec(x, type),
        new TensorSpec(y, type),
        pass,
        Map.of(Slot.DX, dx));
  }

  /** Mean over h and w. */
  public static OpSpec globalAvgPool(Shape x, Shape y, DType type, Pass pass, GradientWrite dx) {
    return of(
        new Op.GlobalAvgPool(),
        new TensorSpec(x, type),
        new TensorSpec(y, type),
        pass,
        Map.of(Slot.DX, dx));
  }

  /** {@code y = x·weightᵀ + bias} */
  public static OpSpec linear(
      Shape x, Shape y, DType type, Pass pass, GradientWrite dx, GradientWrite dparameters) {
    return of(
        new Op.Linear(x.c(), y.c()),
        new TensorSpec(x, type),
        new TensorSpec(y, type == DType.F64 ? DType.F64 : DType.F32),
        pass,
        Map.of(Slot.DX, dx, Slot.DWEIGHT, dparameters, Slot.DBIAS, dparameters));
  }
}
