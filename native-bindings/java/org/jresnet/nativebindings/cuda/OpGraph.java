package org.jresnet.nativebindings.cuda;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.global.cudnn;

/**
 * Operations that cuDNN computes as one (<a
 * href="https://docs.nvidia.com/deeplearning/cudnn/frontend/latest/developer/graph-api.html">cuDNN
 * graph API</a>). Tensors are given by their logical extents {@code n c h w} (filters {@code k c r
 * s}) and lie in memory with the channels innermost. Owns everything made from it.
 */
public final class OpGraph implements AutoCloseable {
  private static final long ALIGNMENT = 16;
  private static final Attribute<Long> UID = Attribute.int64(cudnn.CUDNN_ATTR_TENSOR_UNIQUE_ID);
  private static final Attribute<DataType> TYPE =
      Attribute.dataType(cudnn.CUDNN_ATTR_TENSOR_DATA_TYPE);
  private static final Attribute<Integer> TYPE_CODE =
      Attribute.enumeration(cudnn.CUDNN_ATTR_TENSOR_DATA_TYPE, cudnn.CUDNN_TYPE_DATA_TYPE);
  private static final Attribute<long[]> EXTENTS =
      Attribute.int64s(cudnn.CUDNN_ATTR_TENSOR_DIMENSIONS);
  private static final Attribute<long[]> STRIDES =
      Attribute.int64s(cudnn.CUDNN_ATTR_TENSOR_STRIDES);
  private static final Attribute<Long> BYTE_ALIGNMENT =
      Attribute.int64(cudnn.CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT);
  private static final Attribute<Boolean> VIRTUAL =
      Attribute.bool(cudnn.CUDNN_ATTR_TENSOR_IS_VIRTUAL);
  private static final Attribute<Boolean> BY_VALUE =
      Attribute.bool(cudnn.CUDNN_ATTR_TENSOR_IS_BY_VALUE);

  /** A tensor of the graph; {@code uid} ties it to memory. */
  public static final class Value {
    private final long uid;
    private final long bytes;
    private final Descriptor descriptor;

    private Value(long uid, long bytes, Descriptor descriptor) {
      this.uid = uid;
      this.bytes = bytes;
      this.descriptor = descriptor;
    }

    /** Bytes in memory; 0 for a number and for what is never stored. */
    public long bytes() {
      return bytes;
    }

    /** Number that {@link CudnnPlan#bind} ties to memory. */
    public long uid() {
      return uid;
    }
  }

  /** Window, stride and symmetric padding, the same in both directions. */
  public record Geometry(int window, int stride, int padding) {}

  private final List<Descriptor> owned = new ArrayList<>();
  private final List<Descriptor> ops = new ArrayList<>();
  private Descriptor graph;
  private long uids;
  private long bytes;

  /** A tensor in memory. */
  public Value tensor(DataType type, long... extents) {
    return tensor(TYPE, type, elements(extents) * type.bytes(), extents);
  }

  /** A tensor between two operations that is never stored. */
  public Value between(DataType type, long... extents) {
    return tensor(TYPE, type, 0, extents);
  }

  /** One bit per element, in memory. */
  public Value bits(long... extents) {
    long size = (elements(extents) + 7) / 8;
    return tensor(TYPE_CODE, cudnn.CUDNN_DATA_BOOLEAN, size, extents);
  }

  private static long elements(long[] extents) {
    long elements = 1;
    for (long extent : extents) {
      elements *= extent;
    }
    return elements;
  }

  /** Bytes of all tensors in memory: what passes memory if each is touched once. */
  public long bytes() {
    return bytes;
  }

  private <T> Value tensor(Attribute<T> typed, T type, long size, long[] e) {
    uids++;
    bytes += size;
    Value value =
        new Value(uids, size, own(cudnn.CUDNN_BACKEND_TENSOR_DESCRIPTOR, "tensor " + uids));
    long[] strides = {e[1] * e[2] * e[3], 1, e[1] * e[3], e[1]};
    value
        .descriptor
        .set(UID, value.uid)
        .set(typed, type)
        .set(EXTENTS, e)
        .set(STRIDES, strides)
        .set(BYTE_ALIGNMENT, ALIGNMENT)
        .set(VIRTUAL, size == 0)
        .finish();
    return value;
  }

  /** A single-precision number that the host gives when the plan is bound. */
  public Value number() {
    uids++;
    Value value = new Value(uids, 0, own(cudnn.CUDNN_BACKEND_TENSOR_DESCRIPTOR, "number " + uids));
    long[] one = {1, 1, 1, 1};
    value
        .descriptor
        .set(UID, value.uid)
        .set(TYPE, DataType.F32)
        .set(EXTENTS, one)
        .set(STRIDES, one)
        .set(BYTE_ALIGNMENT, ALIGNMENT)
        .set(BY_VALUE, true)
        .finish();
    return value;
  }

  private Descriptor own(int kind, String name) {
    Descriptor made = new Descriptor(kind, name);
    owned.add(made);
    return made;
  }

  private Descriptor convolution(Geometry g) {
    long[] padding = {g.padding(), g.padding()};
    return own(cudnn.CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, "convolution")
        .set(Attribute.dataType(cudnn.CUDNN_ATTR_CONVOLUTION_COMP_TYPE), DataType.F32)
        .set(
            Attribute.enumeration(
                cudnn.CUDNN_ATTR_CONVOLUTION_CONV_MODE, cudnn.CUDNN_TYPE_CONVOLUTION_MODE),
            cudnn.CUDNN_CROSS_CORRELATION)
        .set(Attribute.int64(cudnn.CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS), 2L)
        .set(Attribute.int64s(cudnn.CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS), padding)
        .set(Attribute.int64s(cudnn.CUDNN_ATTR_CONVOLUTION_POST_PADDINGS), padding)
        .set(
            Attribute.int64s(cudnn.CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES),
            new long[] {g.stride(), g.stride()})
        .set(Attribute.int64s(cudnn.CUDNN_ATTR_CONVOLUTION_DILATIONS), new long[] {1, 1})
        .finish();
  }

  private Descriptor op(int kind, String name) {
    Descriptor made = own(kind, name);
    ops.add(made);
    return made;
  }

  private static void set(Descriptor op, int attribute, Value value) {
    op.set(Attribute.descriptor(attribute), value.descriptor);
  }

  /** {@code y = x ∗ w} */
  public void convolve(Value x, Value w, Value y, Geometry geometry) {
    Descriptor op =
        op(cudnn.CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, "convolution forward");
    set(op, cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x);
    set(op, cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, w);
    set(op, cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, y);
    op.set(
        Attribute.descriptor(cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC),
        convolution(geometry));
    op.set(Attribute.real(cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA), 1f);
    op.set(Attribute.real(cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA), 0f);
    op.finish();
  }

  /** The gradient of a convolution's input. */
  public void convolveBackwardData(Value dy, Value w, Value dx, Geometry geometry) {
    Descriptor op =
        op(
            cudnn.CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
            "convolution backward data");
    set(op, cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, dy);
    set(op, cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, w);
    set(op, cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, dx);
    op.set(
        Attribute.descriptor(cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC),
        convolution(geometry));
    op.set(Attribute.real(cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA), 1f);
    op.set(Attribute.real(cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA), 0f);
    op.finish();
  }

  /** The gradient of a convolution's filter. */
  public void convolveBackwardFilter(Value x, Value dy, Value dw, Geometry geometry) {
    Descriptor op =
        op(
            cudnn.CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
            "convolution backward filter");
    set(op, cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, x);
    set(op, cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, dy);
    set(op, cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, dw);
    op.set(
        Attribute.descriptor(cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC),
        convolution(geometry));
    op.set(Attribute.real(cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA), 1f);
    op.set(Attribute.real(cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA), 0f);
    op.finish();
  }

  private Descriptor pointwise(int mode) {
    return own(cudnn.CUDNN_BACKEND_POINTWISE_DESCRIPTOR, "pointwise")
        .set(
            Attribute.enumeration(cudnn.CUDNN_ATTR_POINTWISE_MODE, cudnn.CUDNN_TYPE_POINTWISE_MODE),
            mode)
        .set(Attribute.dataType(cudnn.CUDNN_ATTR_POINTWISE_MATH_PREC), DataType.F32)
        .finish();
  }

  private Descriptor pointwiseOp(int mode, String name) {
    return op(cudnn.CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, name)
        .set(
            Attribute.descriptor(cudnn.CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR),
            pointwise(mode));
  }

  /** {@code y = a + b}; where one is smaller and repeats, it is b. */
  public void add(Value a, Value b, Value y) {
    binary(cudnn.CUDNN_POINTWISE_ADD, "addition", a, b, y);
  }

  /** {@code y = a · b}; where one is smaller and repeats, it is b. */
  public void multiply(Value a, Value b, Value y) {
    binary(cudnn.CUDNN_POINTWISE_MUL, "multiplication", a, b, y);
  }

  /** {@code y = a > b}, as bits. */
  public void greater(Value a, Value b, Value y) {
    binary(cudnn.CUDNN_POINTWISE_CMP_GT, "comparison", a, b, y);
  }

  private void binary(int mode, String name, Value a, Value b, Value y) {
    Descriptor op = pointwiseOp(mode, name);
    set(op, cudnn.CUDNN_ATTR_OPERATION_POINTWISE_XDESC, a);
    set(op, cudnn.CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b);
    set(op, cudnn.CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
    op.finish();
  }

  /** {@code y = max(x, 0)} */
  public void relu(Value x, Value y) {
    Descriptor op = pointwiseOp(cudnn.CUDNN_POINTWISE_RELU_FWD, "ReLU");
    set(op, cudnn.CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
    set(op, cudnn.CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
    op.finish();
  }

  /**
   * Extents {@code [1, c, 1, 1]} of single precision for all per-channel values of a batch norm.
   *
   * @param mean of the batch, written
   * @param inverseDeviation of the batch, {@code 1/√(var+eps)}, written
   */
  public record NormStatistics(Value mean, Value inverseDeviation) {}

  /** Running statistics of a batch norm, before and after, and the share of the new batch. */
  public record Running(Value mean, Value var, Value meanAfter, Value varAfter, Value momentum) {}

  /**
   * A batch norm in training: normalises by the batch's statistics and updates the running ones.
   */
  public void normTraining(
      Value x, List<Value> scaleBiasEps, NormStatistics statistics, Running running, Value y) {
    Descriptor op = op(cudnn.CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR, "batch norm");
    op.set(
        Attribute.enumeration(cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_MODE, cudnn.CUDNN_TYPE_NORM_MODE),
        cudnn.CUDNN_BATCH_NORM);
    op.set(
        Attribute.enumeration(
            cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_PHASE, cudnn.CUDNN_TYPE_NORM_FWD_PHASE),
        cudnn.CUDNN_NORM_FWD_TRAINING);
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_XDESC, x);
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_SCALE_DESC, scaleBiasEps.get(0));
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_BIAS_DESC, scaleBiasEps.get(1));
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_EPSILON_DESC, scaleBiasEps.get(2));
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_MEAN_DESC, statistics.mean());
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_INV_VARIANCE_DESC, statistics.inverseDeviation());
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_INPUT_RUNNING_MEAN_DESC, running.mean());
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_INPUT_RUNNING_VAR_DESC, running.var());
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_OUTPUT_RUNNING_MEAN_DESC, running.meanAfter());
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_OUTPUT_RUNNING_VAR_DESC, running.varAfter());
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_EXP_AVG_FACTOR_DESC, running.momentum());
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_FWD_YDESC, y);
    op.finish();
  }

  /** Per-channel results of a batch norm's backward pass. */
  public record NormGradients(Value dx, Value dscale, Value dbias) {}

  /** Backward of {@link #normTraining}. */
  public void normBackward(
      Value x, Value dy, Value scale, NormStatistics statistics, NormGradients into) {
    Descriptor op =
        op(cudnn.CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR, "batch norm backward");
    op.set(
        Attribute.enumeration(cudnn.CUDNN_ATTR_OPERATION_NORM_BWD_MODE, cudnn.CUDNN_TYPE_NORM_MODE),
        cudnn.CUDNN_BATCH_NORM);
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_BWD_XDESC, x);
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_BWD_DYDESC, dy);
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_BWD_SCALE_DESC, scale);
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_BWD_MEAN_DESC, statistics.mean());
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_BWD_INV_VARIANCE_DESC, statistics.inverseDeviation());
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_BWD_DXDESC, into.dx());
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_BWD_DSCALE_DESC, into.dscale());
    set(op, cudnn.CUDNN_ATTR_OPERATION_NORM_BWD_DBIAS_DESC, into.dbias());
    op.finish();
  }

  private Descriptor pooling(Geometry g) {
    long[] padding = {g.padding(), g.padding()};
    return own(cudnn.CUDNN_BACKEND_RESAMPLE_DESCRIPTOR, "max pool")
        .set(
            Attribute.enumeration(cudnn.CUDNN_ATTR_RESAMPLE_MODE, cudnn.CUDNN_TYPE_RESAMPLE_MODE),
            cudnn.CUDNN_RESAMPLE_MAXPOOL)
        .set(Attribute.dataType(cudnn.CUDNN_ATTR_RESAMPLE_COMP_TYPE), DataType.F32)
        .set(
            Attribute.enumeration(
                cudnn.CUDNN_ATTR_RESAMPLE_PADDING_MODE, cudnn.CUDNN_TYPE_PADDING_MODE),
            cudnn.CUDNN_NEG_INF_PAD)
        .set(Attribute.int64(cudnn.CUDNN_ATTR_RESAMPLE_SPATIAL_DIMS), 2L)
        .set(
            Attribute.int64s(cudnn.CUDNN_ATTR_RESAMPLE_WINDOW_DIMS),
            new long[] {g.window(), g.window()})
        .set(
            Attribute.int64s(cudnn.CUDNN_ATTR_RESAMPLE_STRIDES),
            new long[] {g.stride(), g.stride()})
        .set(Attribute.int64s(cudnn.CUDNN_ATTR_RESAMPLE_PRE_PADDINGS), padding)
        .set(Attribute.int64s(cudnn.CUDNN_ATTR_RESAMPLE_POST_PADDINGS), padding)
        .finish();
  }

  /** Max pool; {@code index}, of bytes, says where each maximum lay, or is null. */
  public void maxPool(Value x, Value y, Value index, Geometry geometry) {
    Descriptor op = op(cudnn.CUDNN_BACKEND_OPERATION_RESAMPLE_FWD_DESCRIPTOR, "max pool");
    set(op, cudnn.CUDNN_ATTR_OPERATION_RESAMPLE_FWD_XDESC, x);
    set(op, cudnn.CUDNN_ATTR_OPERATION_RESAMPLE_FWD_YDESC, y);
    if (index != null) {
      set(op, cudnn.CUDNN_ATTR_OPERATION_RESAMPLE_FWD_IDXDESC, index);
    }
    op.set(Attribute.descriptor(cudnn.CUDNN_ATTR_OPERATION_RESAMPLE_FWD_DESC), pooling(geometry));
    op.finish();
  }

  /** Backward of {@link #maxPool} with its index. */
  public void maxPoolBackward(Value dy, Value index, Value dx, Geometry geometry) {
    Descriptor op = op(cudnn.CUDNN_BACKEND_OPERATION_RESAMPLE_BWD_DESCRIPTOR, "max pool backward");
    set(op, cudnn.CUDNN_ATTR_OPERATION_RESAMPLE_BWD_DYDESC, dy);
    set(op, cudnn.CUDNN_ATTR_OPERATION_RESAMPLE_BWD_IDXDESC, index);
    set(op, cudnn.CUDNN_ATTR_OPERATION_RESAMPLE_BWD_DXDESC, dx);
    op.set(Attribute.descriptor(cudnn.CUDNN_ATTR_OPERATION_RESAMPLE_BWD_DESC), pooling(geometry));
    op.finish();
  }

  /** How cuDNN proposes engines. */
  public enum Heuristic {
    /** Its model of the device, best guess first. */
    MODEL(cudnn.CUDNN_HEUR_MODE_A),
    /** What works where nothing else does; slow. */
    FALLBACK(cudnn.CUDNN_HEUR_MODE_FALLBACK);

    private final int code;

    Heuristic(int code) {
      this.code = code;
    }
  }

  /**
   * Ways to compute the graph, best guess first; empty where cuDNN knows none. No further operation
   * can be added.
   */
  public List<EngineConfig> engines(Target target, Heuristic heuristic) {
    if (graph == null) {
      graph = own(cudnn.CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "operation graph");
      graph.set(Attribute.descriptors(cudnn.CUDNN_ATTR_OPERATIONGRAPH_OPS), ops);
      if (target instanceof CudnnHandle handle) {
        graph.set(Attribute.handle(cudnn.CUDNN_ATTR_OPERATIONGRAPH_HANDLE), handle.handle());
      }
      graph.finish();
    }
    try (Descriptor search =
        new Descriptor(cudnn.CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, "engine heuristic")) {
      search.set(Attribute.descriptor(cudnn.CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH), graph);
      search.set(
          Attribute.enumeration(cudnn.CUDNN_ATTR_ENGINEHEUR_MODE, cudnn.CUDNN_TYPE_HEUR_MODE),
          heuristic.code);
      if (target instanceof DeviceProperties device) {
        search.set(
            Attribute.descriptor(cudnn.CUDNN_ATTR_ENGINEHEUR_DEVICEPROP), device.descriptor());
      }
      try {
        search.finish();
      } catch (CudaException e) {
        if (e.kind() == CudaException.Kind.NOT_SUPPORTED) {
          return List.of();
        }
        throw e;
      }
      List<Descriptor> found =
          search.descriptors(
              cudnn.CUDNN_ATTR_ENGINEHEUR_RESULTS,
              cudnn.CUDNN_BACKEND_ENGINECFG_DESCRIPTOR,
              "engine configuration");
      owned.addAll(found);
      return found.stream().map(EngineConfig::new).toList();
    }
  }

  @Override
  public void close() {
    for (int i = owned.size() - 1; i >= 0; i--) {
      owned.get(i).close();
    }
    owned.clear();
  }
}
