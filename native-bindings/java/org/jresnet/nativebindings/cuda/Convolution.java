package org.jresnet.nativebindings.cuda;

import org.bytedeco.cuda.global.cudnn;

/**
 * Adds convolutions to a graph.
 *
 * @param sums type of the sums of products: single precision, or I32 where both factors are bytes
 */
public record Convolution(OpGraph graph, Geometry geometry, DataType sums) {
  /** With sums in single precision. */
  public Convolution(OpGraph graph, Geometry geometry) {
    this(graph, geometry, DataType.F32);
  }

  private Descriptor descriptor() {
    return graph
        .own(cudnn.CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, "convolution")
        .set(Attribute.dataType(cudnn.CUDNN_ATTR_CONVOLUTION_COMP_TYPE), sums)
        .set(
            Attribute.enumeration(
                cudnn.CUDNN_ATTR_CONVOLUTION_CONV_MODE, cudnn.CUDNN_TYPE_CONVOLUTION_MODE),
            cudnn.CUDNN_CROSS_CORRELATION)
        .set(Attribute.int64(cudnn.CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS), 2L)
        .set(Attribute.int64s(cudnn.CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS), geometry.paddings())
        .set(Attribute.int64s(cudnn.CUDNN_ATTR_CONVOLUTION_POST_PADDINGS), geometry.paddings())
        .set(Attribute.int64s(cudnn.CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES), geometry.strides())
        .set(Attribute.int64s(cudnn.CUDNN_ATTR_CONVOLUTION_DILATIONS), geometry.dilations())
        .finish();
  }

  /** {@code y = x ∗ w}; a filter with fewer channels than x sees those of its group. */
  public void forward(OpGraph.Value x, OpGraph.Value w, OpGraph.Value y) {
    Descriptor op =
        graph.op(
            cudnn.CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, "convolution forward");
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, w);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, y);
    op.set(
        Attribute.descriptor(cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC),
        descriptor());
    op.set(Attribute.real(cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA), 1f);
    op.set(Attribute.real(cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA), 0f);
    op.finish();
  }

  /** The gradient of a convolution's input. */
  public void backwardData(OpGraph.Value dy, OpGraph.Value w, OpGraph.Value dx) {
    backwardData(dy, w, dx, 0);
  }

  /** {@code dx = gradient + dx}: what is there already, which one rounding follows. */
  public void addBackwardData(OpGraph.Value dy, OpGraph.Value w, OpGraph.Value dx) {
    backwardData(dy, w, dx, 1);
  }

  private void backwardData(OpGraph.Value dy, OpGraph.Value w, OpGraph.Value dx, float beta) {
    Descriptor op =
        graph.op(
            cudnn.CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
            "convolution backward data");
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, dy);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, w);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, dx);
    op.set(
        Attribute.descriptor(cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC),
        descriptor());
    op.set(Attribute.real(cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA), 1f);
    op.set(Attribute.real(cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA), beta);
    op.finish();
  }

  /** The gradient of a convolution's filter. */
  public void backwardFilter(OpGraph.Value x, OpGraph.Value dy, OpGraph.Value dw) {
    Descriptor op =
        graph.op(
            cudnn.CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
            "convolution backward filter");
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, x);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, dy);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, dw);
    op.set(
        Attribute.descriptor(cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC),
        descriptor());
    op.set(Attribute.real(cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA), 1f);
    op.set(Attribute.real(cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA), 0f);
    op.finish();
  }
}
