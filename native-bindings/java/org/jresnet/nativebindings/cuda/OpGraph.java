package org.jresnet.nativebindings.cuda;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.cuda.global.cudnn;

/**
 * Operations that cuDNN computes as one (<a
 * href="https://docs.nvidia.com/deeplearning/cudnn/frontend/latest/developer/graph-api.html">cuDNN
 * graph API</a>). Tensors are given by their logical extents {@code n c h w} (filters {@code k c r
 * s}) and lie in memory with the channels innermost. {@link Convolution}, {@link BatchNorm}, {@link
 * MaxPool} and {@link Elementwise} add operations. Owns everything made from it.
 */
public final class OpGraph implements AutoCloseable {
  private static final long ALIGNMENT = 16;
  private static final Attribute<Long> UID = Attribute.int64(cudnn.CUDNN_ATTR_TENSOR_UNIQUE_ID);
  private static final Attribute<Integer> TYPE =
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
    private final Optional<DataType> type;
    private final Descriptor descriptor;

    private Value(long uid, long bytes, Optional<DataType> type, Descriptor descriptor) {
      this.uid = uid;
      this.bytes = bytes;
      this.type = type;
      this.descriptor = descriptor;
    }

    /** Bytes in memory; 0 for a number and for what is never stored. */
    public long bytes() {
      return bytes;
    }

    /** Type of its elements; empty for bits. */
    public Optional<DataType> type() {
      return type;
    }

    /** Number that {@link CudnnPlan#bind} ties to memory. */
    public long uid() {
      return uid;
    }
  }

  private final List<Descriptor> owned = new ArrayList<>();
  private final List<Descriptor> ops = new ArrayList<>();
  private Descriptor graph;
  private boolean finished;
  private long uids;
  private long bytes;

  /** A tensor in memory. */
  public Value tensor(DataType type, long... extents) {
    return tensor(Optional.of(type), elements(extents) * type.bytes(), extents);
  }

  /** A tensor between two operations that is never stored. */
  public Value between(DataType type, long... extents) {
    return tensor(Optional.of(type), 0, extents);
  }

  /** One bit per element, in memory. */
  public Value bits(long... extents) {
    return tensor(Optional.empty(), (elements(extents) + 7) / 8, extents);
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

  private Value tensor(Optional<DataType> type, long size, long[] e) {
    uids++;
    bytes += size;
    Value value =
        new Value(uids, size, type, own(cudnn.CUDNN_BACKEND_TENSOR_DESCRIPTOR, "tensor " + uids));
    long[] strides = {e[1] * e[2] * e[3], 1, e[1] * e[3], e[1]};
    value
        .descriptor
        .set(UID, value.uid)
        .set(TYPE, type.map(DataType::code).orElse(cudnn.CUDNN_DATA_BOOLEAN))
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
    Value value =
        new Value(
            uids,
            0,
            Optional.of(DataType.F32),
            own(cudnn.CUDNN_BACKEND_TENSOR_DESCRIPTOR, "number " + uids));
    long[] one = {1, 1, 1, 1};
    value
        .descriptor
        .set(UID, value.uid)
        .set(TYPE, DataType.F32.code())
        .set(EXTENTS, one)
        .set(STRIDES, one)
        .set(BYTE_ALIGNMENT, ALIGNMENT)
        .set(BY_VALUE, true)
        .finish();
    return value;
  }

  Descriptor own(int kind, String name) {
    Descriptor made = new Descriptor(kind, name);
    owned.add(made);
    return made;
  }

  Descriptor op(int kind, String name) {
    Descriptor made = own(kind, name);
    ops.add(made);
    return made;
  }

  static void set(Descriptor op, int attribute, Value value) {
    op.set(Attribute.descriptor(attribute), value.descriptor);
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

  /** Whether cuDNN has taken the graph as one that makes sense. */
  public boolean finished() {
    return finished;
  }

  /**
   * Ways to compute the graph, best guess first. No further operation can be added.
   *
   * @throws CudaException of kind NOT_SUPPORTED, with cuDNN's reason, where it knows none
   */
  public List<EngineConfig> engines(Target target, Heuristic heuristic) {
    if (!finished) {
      graph = own(cudnn.CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "operation graph");
      graph.set(Attribute.descriptors(cudnn.CUDNN_ATTR_OPERATIONGRAPH_OPS), ops);
      if (target instanceof CudnnHandle handle) {
        graph.set(Attribute.handle(cudnn.CUDNN_ATTR_OPERATIONGRAPH_HANDLE), handle.handle());
      }
      graph.finish();
      finished = true;
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
      search.finish();
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
