package org.jresnet.nativebindings.cuda;

import org.bytedeco.cuda.global.cudnn;

/** Adds operations on single elements to a graph. */
public record Elementwise(OpGraph graph) {
  private Descriptor pointwise(int mode) {
    return graph
        .own(cudnn.CUDNN_BACKEND_POINTWISE_DESCRIPTOR, "pointwise")
        .set(
            Attribute.enumeration(cudnn.CUDNN_ATTR_POINTWISE_MODE, cudnn.CUDNN_TYPE_POINTWISE_MODE),
            mode)
        .set(Attribute.dataType(cudnn.CUDNN_ATTR_POINTWISE_MATH_PREC), DataType.F32)
        .finish();
  }

  private Descriptor pointwiseOp(int mode, String name) {
    return graph
        .op(cudnn.CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, name)
        .set(
            Attribute.descriptor(cudnn.CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR),
            pointwise(mode));
  }

  /** {@code y = a + b}; where one is smaller and repeats, it is b. */
  public void add(OpGraph.Value a, OpGraph.Value b, OpGraph.Value y) {
    binary(cudnn.CUDNN_POINTWISE_ADD, "addition", a, b, y);
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
    Descriptor op = pointwiseOp(mode, name);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_POINTWISE_XDESC, a);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
    op.finish();
  }

  /** {@code y = max(x, 0)} */
  public void relu(OpGraph.Value x, OpGraph.Value y) {
    Descriptor op = pointwiseOp(cudnn.CUDNN_POINTWISE_RELU_FWD, "ReLU");
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
    op.finish();
  }
}
