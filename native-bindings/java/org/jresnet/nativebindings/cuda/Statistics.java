package org.jresnet.nativebindings.cuda;

import org.bytedeco.cuda.global.cudnn;

/** Adds sums per channel to a graph. */
public record Statistics(OpGraph graph) {
  /**
   * Sums over n, h and w, in single precision.
   *
   * @param x summed
   * @param sum of the values, extents {@code [1, c, 1, 1]}
   * @param squares sum of the squared values, the same extents
   */
  public void sums(OpGraph.Value x, OpGraph.Value sum, OpGraph.Value squares) {
    Descriptor op =
        graph.op(cudnn.CUDNN_BACKEND_OPERATION_GEN_STATS_DESCRIPTOR, "sums per channel");
    op.set(
        Attribute.enumeration(
            cudnn.CUDNN_ATTR_OPERATION_GENSTATS_MODE, cudnn.CUDNN_TYPE_GENSTATS_MODE),
        cudnn.CUDNN_GENSTATS_SUM_SQSUM);
    op.set(Attribute.dataType(cudnn.CUDNN_ATTR_OPERATION_GENSTATS_MATH_PREC), DataType.F32);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_GENSTATS_XDESC, x);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_GENSTATS_SUMDESC, sum);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_GENSTATS_SQSUMDESC, squares);
    op.finish();
  }
}
