package org.jresnet.nativebindings.cuda;

import org.bytedeco.cuda.global.cudnn;

/** Adds operations on single elements to a graph. */
public record Elementwise(OpGraph graph) {
  /** Functions of one element. */
  public enum Kind {
    /** {@code min(x, upper)} from 0 on, {@code slope·x} below; NaN stays NaN. */
    RELU(cudnn.CUDNN_POINTWISE_RELU_FWD),
    /** {@code 1 / (1 + e⁻ˣ)}. */
    SIGMOID(cudnn.CUDNN_POINTWISE_SIGMOID_FWD),
    /** {@code x / (1 + e⁻ˣ)}. */
    SWISH(cudnn.CUDNN_POINTWISE_SWISH_FWD);

    private final int code;

    Kind(int code) {
      this.code = code;
    }
  }

  /** A function with its constants, which a {@link Kind#RELU} alone has. */
  public record Function(Kind kind, float upper, float slope) {
    /** A function without constants. */
    public Function(Kind kind) {
      this(kind, Float.POSITIVE_INFINITY, 0);
    }
  }

  private Descriptor pointwise(int mode) {
    return graph
        .own(cudnn.CUDNN_BACKEND_POINTWISE_DESCRIPTOR, "pointwise")
        .set(
            Attribute.enumeration(cudnn.CUDNN_ATTR_POINTWISE_MODE, cudnn.CUDNN_TYPE_POINTWISE_MODE),
            mode)
        .set(Attribute.dataType(cudnn.CUDNN_ATTR_POINTWISE_MATH_PREC), DataType.F32);
  }

  private Descriptor pointwiseOp(Descriptor pointwise, String name) {
    return graph
        .op(cudnn.CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, name)
        .set(
            Attribute.descriptor(cudnn.CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR),
            pointwise.finish());
  }

  /** {@code y = a + b}; where one is smaller and repeats, it is b. */
  public void add(OpGraph.Value a, OpGraph.Value b, OpGraph.Value y) {
    binary(cudnn.CUDNN_POINTWISE_ADD, "addition", a, b, y);
  }

  /** {@code y = a - b}; where b is smaller, it repeats. */
  public void subtract(OpGraph.Value a, OpGraph.Value b, OpGraph.Value y) {
    binary(cudnn.CUDNN_POINTWISE_SUB, "subtraction", a, b, y);
  }

  /** {@code y = a · b}; where one is smaller and repeats, it is b. */
  public void multiply(OpGraph.Value a, OpGraph.Value b, OpGraph.Value y) {
    binary(cudnn.CUDNN_POINTWISE_MUL, "multiplication", a, b, y);
  }

  /** {@code y = a > b}, as bits. */
  public void greater(OpGraph.Value a, OpGraph.Value b, OpGraph.Value y) {
    binary(cudnn.CUDNN_POINTWISE_CMP_GT, "comparison", a, b, y);
  }

  private void binary(int mode, String name, OpGraph.Value a, OpGraph.Value b, OpGraph.Value y) {
    Descriptor op = pointwiseOp(pointwise(mode), name);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_POINTWISE_XDESC, a);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
    op.finish();
  }

  /** {@code y = max(x, 0)} */
  public void relu(OpGraph.Value x, OpGraph.Value y) {
    apply(new Function(Kind.RELU), x, y);
  }

  /** {@code dx = dy} where x is above 0, else 0: the gradient of {@link #relu}. */
  public void reluBackward(OpGraph.Value x, OpGraph.Value dy, OpGraph.Value dx) {
    Descriptor op = pointwiseOp(pointwise(cudnn.CUDNN_POINTWISE_RELU_BWD), "RELU backward");
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, dy);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, dx);
    op.finish();
  }

  /** {@code y = f(x)} */
  public void apply(Function f, OpGraph.Value x, OpGraph.Value y) {
    Descriptor pointwise = pointwise(f.kind.code);
    if (f.kind == Kind.RELU) {
      pointwise.set(
          Attribute.enumeration(
              cudnn.CUDNN_ATTR_POINTWISE_NAN_PROPAGATION, cudnn.CUDNN_TYPE_NAN_PROPOGATION),
          cudnn.CUDNN_PROPAGATE_NAN);
    }
    if (f.upper < Float.POSITIVE_INFINITY) {
      pointwise.set(Attribute.real64(cudnn.CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP), (double) f.upper);
    }
    if (f.slope != 0) {
      pointwise.set(
          Attribute.real64(cudnn.CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE), (double) f.slope);
    }
    Descriptor op = pointwiseOp(pointwise, f.kind.name());
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
    op.finish();
  }
}
