package org.jresnet.backend;

import java.util.Optional;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;

/**
 * One operation described completely: extents, types, fusion, and which gradients are wanted.
 * Activations are NHWC. The operands that each kind takes are named by {@link Slot}.
 */
public sealed interface OpSpec {
  /** Shape of {@link Slot#Y}. */
  Shape y();

  /** Type of activations and of their gradients. */
  DType type();

  /** Whether backward will be called. */
  Pass pass();

  /** Multiply-accumulates of one forward pass; 0 for elementwise ops. */
  default long macs() {
    return 0;
  }

  /** Whether a rectifier follows inside the same op. */
  enum Activation {
    /** No. */
    NONE,
    /** {@code max(·, 0)} */
    RELU
  }

  /** Whether {@link Slot#RESIDUAL} is added before the activation. */
  enum Residual {
    /** No. */
    NONE,
    /** Yes. */
    ADD
  }

  /** Which mean and variance a batch norm uses. */
  enum Statistics {
    /** Those of the batch; the running ones are updated ({@code model.train()}). */
    BATCH,
    /**
     * The running ones, which stay as they are ({@code model.eval()}, and frozen norms in
     * training).
     */
    RUNNING
  }

  /**
   * Convolution: {@code y = x ∗ weight}. Slots X, WEIGHT, Y; backward DY, and DX, DWEIGHT unless
   * their policy is NONE.
   */
  record Conv(
      Shape x,
      Shape y,
      Window window,
      DType type,
      Pass pass,
      GradientWrite dx,
      GradientWrite dweight)
      implements OpSpec {
    @Override
    public long macs() {
      return window.macs(x, y);
    }
  }

  /**
   * Inference convolution with the following batch norm folded in: {@code y = act((x ∗ weight −
   * mean)/√(var+eps)·gamma + beta + residual)}. Slots X, WEIGHT, GAMMA, BETA, RUNNING_MEAN,
   * RUNNING_VAR, Y, and RESIDUAL if added: the same tensor as Y, which thereby is overwritten.
   */
  record FoldedConv(
      Shape x,
      Shape y,
      Window window,
      DType type,
      double eps,
      Residual residual,
      Activation activation)
      implements OpSpec {
    @Override
    public Pass pass() {
      return Pass.INFERENCE;
    }

    @Override
    public long macs() {
      return window.macs(x, y);
    }
  }

  /**
   * {@link FoldedConv} on integers: {@code y = integer(act((x ∗ w − mean)/√(var+eps)·gamma + beta +
   * residual))}. The folded filter of each output channel is rounded to I8 with a scale of its own,
   * its largest magnitude / 127; products are summed exactly. Slots as for FoldedConv, with a
   * residual of the same size in the place of Y.
   */
  record QuantizedConv(
      Shape x,
      Shape y,
      Window window,
      double eps,
      Activation activation,
      QuantParams in,
      Optional<QuantParams> residual,
      QuantParams out)
      implements OpSpec {
    @Override
    public DType type() {
      return out.type();
    }

    @Override
    public Pass pass() {
      return Pass.INFERENCE;
    }

    @Override
    public long macs() {
      return window.macs(x, y);
    }
  }

  /** Mean over h and w of integers, as single-precision values. Slots X, Y. */
  record QuantizedAvgPool(Shape x, Shape y, QuantParams in) implements OpSpec {
    @Override
    public DType type() {
      return in.type();
    }

    @Override
    public Pass pass() {
      return Pass.INFERENCE;
    }
  }

  /**
   * Batch norm, then residual, then activation: {@code y = act(norm(x)·gamma + beta + residual)}.
   * Slots X, GAMMA, BETA, RUNNING_MEAN, RUNNING_VAR, RESIDUAL if added, Y; backward DY, Y, DX
   * (OVERWRITE in training), DGAMMA, DBETA unless NONE, DRESIDUAL if added (always overwritten; may
   * be the same tensor as DY).
   */
  record Norm(
      Shape y,
      double eps,
      double momentum,
      DType type,
      Pass pass,
      Statistics statistics,
      Residual residual,
      Activation activation,
      GradientWrite dx,
      GradientWrite dparameters)
      implements OpSpec {}

  /** {@code y = max(x, 0)}. Slots X, Y; backward Y, DY, DX. */
  record Relu(Shape y, DType type, Pass pass, GradientWrite dx) implements OpSpec {}

  /** {@code y = x + residual}. Slots X, RESIDUAL, Y; backward DY, DX, DRESIDUAL. */
  record Add(Shape y, DType type, Pass pass, GradientWrite dx, GradientWrite dresidual)
      implements OpSpec {}

  /**
   * Maximum over a window; the first maximum in row-major order gets the gradient. Slots X, Y;
   * backward DY, DX.
   */
  record MaxPool(Shape x, Shape y, Window window, DType type, Pass pass, GradientWrite dx)
      implements OpSpec {}

  /** Mean over h and w. Slots X, Y; backward DY, DX. */
  record GlobalAvgPool(Shape x, Shape y, DType type, Pass pass, GradientWrite dx)
      implements OpSpec {}

  /**
   * {@code y = x·weightᵀ + bias}; x and dx have the activation type, y and dy are logits in the
   * parameter type. Slots X, WEIGHT, BIAS, Y; backward DY, and DX, DWEIGHT, DBIAS unless NONE.
   */
  record Linear(
      Shape x, Shape y, DType type, Pass pass, GradientWrite dx, GradientWrite dparameters)
      implements OpSpec {
    @Override
    public long macs() {
      return x.elements() * y.c();
    }
  }

  /** Filter extent, stride and padding, the same in both directions. */
  record Window(int kernel, int stride, int padding) {
    private long macs(Shape x, Shape y) {
      return y.elements() * x.c() * kernel * kernel;
    }
  }
}
