package org.jresnet.nativebindings.cuda;

import org.bytedeco.cuda.global.cudnn;

/** Adds max pools to a graph. */
public record MaxPool(OpGraph graph, Geometry geometry) {
  private Descriptor descriptor() {
    return graph
        .own(cudnn.CUDNN_BACKEND_RESAMPLE_DESCRIPTOR, "max pool")
        .set(
            Attribute.enumeration(cudnn.CUDNN_ATTR_RESAMPLE_MODE, cudnn.CUDNN_TYPE_RESAMPLE_MODE),
            cudnn.CUDNN_RESAMPLE_MAXPOOL)
        .set(Attribute.dataType(cudnn.CUDNN_ATTR_RESAMPLE_COMP_TYPE), DataType.F32)
        .set(
            Attribute.enumeration(
                cudnn.CUDNN_ATTR_RESAMPLE_PADDING_MODE, cudnn.CUDNN_TYPE_PADDING_MODE),
            cudnn.CUDNN_NEG_INF_PAD)
        .set(
            Attribute.enumeration(
                cudnn.CUDNN_ATTR_RESAMPLE_NAN_PROPAGATION, cudnn.CUDNN_TYPE_NAN_PROPOGATION),
            cudnn.CUDNN_PROPAGATE_NAN)
        .set(Attribute.int64(cudnn.CUDNN_ATTR_RESAMPLE_SPATIAL_DIMS), 2L)
        .set(Attribute.int64s(cudnn.CUDNN_ATTR_RESAMPLE_WINDOW_DIMS), geometry.windows())
        .set(Attribute.int64s(cudnn.CUDNN_ATTR_RESAMPLE_STRIDES), geometry.strides())
        .set(Attribute.int64s(cudnn.CUDNN_ATTR_RESAMPLE_PRE_PADDINGS), geometry.paddings())
        .set(Attribute.int64s(cudnn.CUDNN_ATTR_RESAMPLE_POST_PADDINGS), geometry.paddings())
        .finish();
  }

  /**
   * Max pool, NaN the largest of all; {@code index}, of bytes, says where each maximum lay, or is
   * null.
   */
  public void forward(OpGraph.Value x, OpGraph.Value y, OpGraph.Value index) {
    Descriptor op = graph.op(cudnn.CUDNN_BACKEND_OPERATION_RESAMPLE_FWD_DESCRIPTOR, "max pool");
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_RESAMPLE_FWD_XDESC, x);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_RESAMPLE_FWD_YDESC, y);
    if (index != null) {
      OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_RESAMPLE_FWD_IDXDESC, index);
    }
    op.set(Attribute.descriptor(cudnn.CUDNN_ATTR_OPERATION_RESAMPLE_FWD_DESC), descriptor());
    op.finish();
  }

  /** Backward of {@link #forward} with its index. */
  public void backward(OpGraph.Value dy, OpGraph.Value index, OpGraph.Value dx) {
    Descriptor op =
        graph.op(cudnn.CUDNN_BACKEND_OPERATION_RESAMPLE_BWD_DESCRIPTOR, "max pool backward");
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_RESAMPLE_BWD_DYDESC, dy);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_RESAMPLE_BWD_IDXDESC, index);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_RESAMPLE_BWD_DXDESC, dx);
    op.set(Attribute.descriptor(cudnn.CUDNN_ATTR_OPERATION_RESAMPLE_BWD_DESC), descriptor());
    op.finish();
  }
}
