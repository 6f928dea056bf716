package org.jresnet.nativebindings.cuda;

import java.util.List;
import org.bytedeco.cuda.global.cudnn;

/** Adds batch norms, and parts of them, to a graph. */
public record BatchNorm(OpGraph graph) {
  /**
   * Extents {@code [1, c, 1, 1]} of single precision for all per-channel values of a batch norm.
   *
   * @param mean of the batch, written
   * @param inverseDeviation of the batch, {@code 1/√(var+eps)}, written
   */
  public record Statistics(OpGraph.Value mean, OpGraph.Value inverseDeviation) {}

  /** Running statistics of a batch norm, before and after, and the share of the new batch. */
  public record Running(
      OpGraph.Value mean,
      OpGraph.Value var,
      OpGraph.Value meanAfter,
      OpGraph.Value varAfter,
      OpGraph.Value momentum) {}

  /**
   * A batch norm in training: normalises by the batch's statistics and updates the running ones.
   */
  public void training(
      OpGraph.Value x,
      List<OpGraph.Value> scaleBiasEps,
      Statistics statistics,
      Running running,
      OpGraph.Value y) {
    Descriptor op = graph.op(cudnn.CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR, "batch norm");
    op.set(
        Attribute.enumeration(cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_MODE, cudnn.CUDNN_TYPE_NORM_MODE),
        cudnn.CUDNN_BATCH_NORM);
    op.set(
        Attribute.enumeration(
            cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_PHASE, cudnn.CUDNN_TYPE_NORM_FWD_PHASE),
        cudnn.CUDNN_NORM_FWD_TRAINING);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_XDESC, x);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_SCALE_DESC, scaleBiasEps.get(0));
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_BIAS_DESC, scaleBiasEps.get(1));
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_EPSILON_DESC, scaleBiasEps.get(2));
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_MEAN_DESC, statistics.mean());
    OpGraph.set(
        op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_INV_VARIANCE_DESC, statistics.inverseDeviation());
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_INPUT_RUNNING_MEAN_DESC, running.mean());
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_INPUT_RUNNING_VAR_DESC, running.var());
    OpGraph.set(
        op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_OUTPUT_RUNNING_MEAN_DESC, running.meanAfter());
    OpGraph.set(
        op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_OUTPUT_RUNNING_VAR_DESC, running.varAfter());
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_EXP_AVG_FACTOR_DESC, running.momentum());
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_YDESC, y);
    op.finish();
  }

  /** Per-channel results of a batch norm's backward pass. */
  public record Gradients(OpGraph.Value dx, OpGraph.Value dscale, OpGraph.Value dbias) {}

  /** Backward of {@link #training}. */
  public void backward(
      OpGraph.Value x,
      OpGraph.Value dy,
      OpGraph.Value scale,
      Statistics statistics,
      Gradients into) {
    Descriptor op =
        graph.op(cudnn.CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR, "batch norm backward");
    op.set(
        Attribute.enumeration(cudnn.CUDNN_ATTR_OPERATION_NORM_BWD_MODE, cudnn.CUDNN_TYPE_NORM_MODE),
        cudnn.CUDNN_BATCH_NORM);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_BWD_XDESC, x);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_BWD_DYDESC, dy);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_BWD_SCALE_DESC, scale);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_BWD_MEAN_DESC, statistics.mean());
    OpGraph.set(
        op, cudnn.CUDNN_ATTR_OPERATION_NORM_BWD_INV_VARIANCE_DESC, statistics.inverseDeviation());
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_BWD_DXDESC, into.dx());
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_BWD_DSCALE_DESC, into.dscale());
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_BWD_DBIAS_DESC, into.dbias());
    op.finish();
  }

  /**
   * What a norm's backward sums over n, h and w, and the values per channel with which the gradient
   * of its input is {@code ofDy·dy + ofX·x + constant}.
   */
  public record Sums(
      OpGraph.Value dscale,
      OpGraph.Value dbias,
      OpGraph.Value ofDy,
      OpGraph.Value ofX,
      OpGraph.Value constant) {}

  /** The first half of {@link #backward}: its sums, without the gradient of the input. */
  public void backwardSums(
      OpGraph.Value x, OpGraph.Value dy, OpGraph.Value scale, Statistics statistics, Sums into) {
    Descriptor op =
        graph.op(cudnn.CUDNN_BACKEND_OPERATION_BN_BWD_WEIGHTS_DESCRIPTOR, "batch norm sums");
    op.set(Attribute.dataType(cudnn.CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_MATH_PREC), DataType.F32);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_X_DESC, x);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_DY_DESC, dy);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_MEAN_DESC, statistics.mean());
    OpGraph.set(
        op, cudnn.CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_INVSTD_DESC, statistics.inverseDeviation());
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_BN_SCALE_DESC, scale);
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_DBN_SCALE_DESC, into.dscale());
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_DBN_BIAS_DESC, into.dbias());
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_EQ_DY_SCALE_DESC, into.ofDy());
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_EQ_X_SCALE_DESC, into.ofX());
    OpGraph.set(op, cudnn.CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_EQ_BIAS, into.constant());
    op.finish();
  }
}
