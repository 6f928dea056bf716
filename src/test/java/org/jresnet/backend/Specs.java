package org.jresnet.backend;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
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
    NONE,
    /** A rectifier. */
    RELU
  }

  private Specs() {}

  private static List<Op> tail(Optional<Op> norm, Residual residual, Activation activation) {
    return Stream.of(
            norm,
            residual == Residual.ADD ? Optional.<Op>of(new Op.Add()) : Optional.<Op>empty(),
            activation == Activation.RELU ? Optional.<Op>of(new Op.Relu()) : Optional.<Op>empty())
        .flatMap(Optional::stream)
        .toList();
  }

  private static List<TensorSpec> inputs(TensorSpec x, TensorSpec added, Residual residual) {
    return residual == Residual.ADD ? List.of(x, added) : List.of(x);
  }

  private static Op.Conv2d conv2d(Shape x, Shape y, Window w) {
    return new Op.Conv2d(x.c(), y.c(), w.kernel, w.stride, w.padding);
  }

  private static OpSpec of(
      Op op, TensorSpec x, TensorSpec y, Pass pass, Map<Slot, GradientWrite> gradients) {
    Mode mode = pass == Pass.TRAINING ? Mode.TRAIN : Mode.EVALUATE;
    return new OpSpec(op, List.of(), List.of(x), y, mode, pass, gradients);
  }

  /** {@code y = x ∗ weight} */
  public static OpSpec conv(
      Shape x, Shape y, Window w, DType type, Pass pass, GradientWrite dx, GradientWrite dweight) {
    return of(
        conv2d(x, y, w),
        new TensorSpec(x, type),
        new TensorSpec(y, type),
        pass,
        Map.of(Slot.DX, dx, Slot.DWEIGHT, dweight));
  }

  /** A convolution in inference with its batch norm folded in. */
  public static OpSpec foldedConv(
      Shape x,
      Shape y,
      Window w,
      DType type,
      double eps,
      Residual residual,
      Activation activation) {
    TensorSpec out = new TensorSpec(y, type);
    return new OpSpec(
        conv2d(x, y, w),
        tail(Optional.of(new Op.BatchNorm(y.c(), eps, 0.1)), residual, activation),
        inputs(new TensorSpec(x, type), out, residual),
        out,
        Mode.EVALUATE,
        Pass.INFERENCE,
        Map.of());
  }

  /** {@link #foldedConv} on integers. */
  public static OpSpec quantizedConv(
      Shape x,
      Shape y,
      Window w,
      double eps,
      Activation activation,
      QuantParams in,
      Optional<QuantParams> residual,
      QuantParams out) {
    Residual adds = residual.isPresent() ? Residual.ADD : Residual.NONE;
    return new OpSpec(
        conv2d(x, y, w),
        tail(Optional.of(new Op.BatchNorm(y.c(), eps, 0.1)), adds, activation),
        inputs(new TensorSpec(x, in), new TensorSpec(y, residual.orElse(out)), adds),
        new TensorSpec(y, out),
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

  /** {@code y = max(x, 0)} */
  public static OpSpec relu(Shape y, DType type, Pass pass, GradientWrite dx) {
    TensorSpec tensor = new TensorSpec(y, type);
    return of(new Op.Relu(), tensor, tensor, pass, Map.of(Slot.DX, dx));
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
