package org.jresnet.nativebindings.onednn;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.batch_normalization_backward;
import org.bytedeco.dnnl.batch_normalization_forward;
import org.bytedeco.dnnl.binary;
import org.bytedeco.dnnl.convolution_backward_data;
import org.bytedeco.dnnl.convolution_backward_weights;
import org.bytedeco.dnnl.convolution_forward;
import org.bytedeco.dnnl.eltwise_backward;
import org.bytedeco.dnnl.eltwise_forward;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.inner_product_backward_data;
import org.bytedeco.dnnl.inner_product_backward_weights;
import org.bytedeco.dnnl.inner_product_forward;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.pooling_backward;
import org.bytedeco.dnnl.pooling_forward;
import org.bytedeco.dnnl.post_ops;
import org.bytedeco.dnnl.primitive;
import org.bytedeco.dnnl.primitive_attr;
import org.bytedeco.dnnl.primitive_desc;
import org.bytedeco.dnnl.primitive_desc_base;
import org.bytedeco.dnnl.reorder;
import org.bytedeco.javacpp.Pointer;

/**
 * Makes and owns oneDNN objects. The methods that plan return an empty result where oneDNN has no
 * implementation, instead of failing.
 *
 * <p>Extents are given in oneDNN's logical order {@code n c h w} and {@code k c r s} whatever the
 * layout.
 */
public final class OneDnnScope implements AutoCloseable {
  /** What a forward primitive is planned for. */
  public enum Propagation {
    /** A backward pass follows. */
    TRAINING(dnnl.dnnl_forward_training),
    /** Forward alone. */
    INFERENCE(dnnl.dnnl_forward_inference);

    private final int code;

    Propagation(int code) {
      this.code = code;
    }
  }

  /** Stride and symmetric padding of a window, the same in both directions. */
  public record Geometry(int stride, int padding) {
    private long[] strides() {
      return new long[] {stride, stride};
    }

    private long[] paddings() {
      return new long[] {padding, padding};
    }
  }

  /** What is done to a result before it is stored, in this order. */
  public enum PostOp {
    /** Adds what the destination held before. */
    SUM,
    /** {@code max(·, 0)} */
    RELU
  }

  /**
   * What is added to a convolution on bytes.
   *
   * @param type how the destination is to be read before it is overwritten
   * @param scale factor of its integers
   */
  public record Residual(DataType type, float scale) {}

  /** Flags of a batch norm. */
  public enum NormFlag {
    /** Mean and variance are given instead of computed. */
    GLOBAL_STATS(dnnl.dnnl_use_global_stats),
    /** A ReLU follows. */
    RELU(dnnl.dnnl_fuse_norm_relu);

    private final int code;

    NormFlag(int code) {
      this.code = code;
    }
  }

  private static final long[] NO_DILATION = {0, 0};

  private final OneDnn dnn;
  private final List<Pointer> owned = new ArrayList<>();
  private boolean closed;

  /** A scope of objects on the given engine. */
  public OneDnnScope(OneDnn dnn) {
    this.dnn = dnn;
  }

  private <T extends Pointer> T own(T pointer) {
    if (closed) {
      throw new IllegalStateException("a oneDNN scope is used after close");
    }
    owned.add(pointer);
    return pointer;
  }

  private engine engine() {
    return dnn.engine();
  }

  Desc desc(memory.desc handle) {
    return new Desc(own(handle));
  }

  private Desc desc(DataType type, memory.format_tag layout, long... extents) {
    return desc(new memory.desc(extents, type.code, layout));
  }

  /** Activations {@code n c h w}, channels fastest. */
  public Desc nhwc(DataType type, long n, long c, long h, long w) {
    return desc(type, memory.format_tag.nhwc, n, c, h, w);
  }

  /** Convolution weights {@code k c r s} in that order. */
  public Desc kcrs(DataType type, long k, long c, long r, long s) {
    return desc(type, memory.format_tag.oihw, k, c, r, s);
  }

  /** Convolution weights in whatever layout the implementation likes best. */
  public Desc kcrsAnyLayout(DataType type, long k, long c, long r, long s) {
    return desc(type, memory.format_tag.any, k, c, r, s);
  }

  /** A row-major matrix. */
  public Desc matrix(DataType type, long rows, long columns) {
    return desc(type, memory.format_tag.ab, rows, columns);
  }

  /** A vector. */
  public Desc vector(DataType type, long elements) {
    return desc(type, memory.format_tag.a, elements);
  }

  private primitive_attr attributes(PostOp... postOps) {
    primitive_attr attributes = own(new primitive_attr());
    // Scratch comes from the engine's planned workspace, not from a hidden allocation of the
    // library.
    attributes.set_scratchpad_mode(dnnl.dnnl_scratchpad_mode_user);
    if (postOps.length > 0) {
      post_ops ops = own(new post_ops());
      for (PostOp op : postOps) {
        switch (op) {
          case SUM -> ops.append_sum();
          case RELU -> ops.append_eltwise(dnnl.dnnl_eltwise_relu, 0f, 0f);
        }
      }
      attributes.set_post_ops(ops);
    }
    return attributes;
  }

  private Optional<PrimitiveDesc> chosen(primitive_desc_base handle) {
    own(handle);
    // oneDNN's handle is empty, not an error, where allow_empty was set and nothing fits.
    var inner = handle.get(true);
    return inner == null || inner.isNull()
        ? Optional.empty()
        : Optional.of(new PrimitiveDesc(handle, this));
  }

  /** Convolution without bias. */
  public Optional<PrimitiveDesc> convForward(
      Propagation propagation, Desc x, Desc weights, Desc y, Geometry geometry) {
    return chosen(
        new convolution_forward.primitive_desc(
            engine(),
            propagation.code,
            dnnl.dnnl_convolution_direct,
            x.handle,
            weights.handle,
            y.handle,
            geometry.strides(),
            geometry.paddings(),
            geometry.paddings(),
            attributes(),
            true));
  }

  /** Inference convolution with bias and post-ops; {@code tensors} are x, weights, bias, y. */
  public Optional<PrimitiveDesc> convInference(
      List<Desc> tensors, Geometry geometry, PostOp... postOps) {
    Desc y = tensors.get(3);
    return chosen(
        new convolution_forward.primitive_desc(
            engine(),
            Propagation.INFERENCE.code,
            dnnl.dnnl_convolution_direct,
            tensors.get(0).handle,
            tensors.get(1).handle,
            tensors.get(2).handle,
            y.handle,
            geometry.strides(),
            geometry.paddings(),
            geometry.paddings(),
            attributes(postOps),
            true));
  }

  /**
   * Inference convolution on bytes: {@code y = act(scale[k]·(x ∗ weights) + bias +
   * residualScale·y)}, rounded and saturated, with {@link Arg#WEIGHT_SCALES} at execution.
   *
   * @param tensors x, weights, bias, y
   * @param residual type and factor of what y held before, if that is added
   */
  public Optional<PrimitiveDesc> convQuantized(
      List<Desc> tensors, Geometry geometry, Optional<Residual> residual, boolean rectifies) {
    primitive_attr attributes = attributes();
    attributes.set_scales_mask(dnnl.DNNL_ARG_WEIGHTS, 1);
    post_ops ops = own(new post_ops());
    residual.ifPresent(r -> ops.append_sum(r.scale, 0, r.type.code));
    if (rectifies) {
      ops.append_eltwise(dnnl.dnnl_eltwise_relu, 0f, 0f);
    }
    attributes.set_post_ops(ops);
    return chosen(
        new convolution_forward.primitive_desc(
            engine(),
            Propagation.INFERENCE.code,
            dnnl.dnnl_convolution_direct,
            tensors.get(0).handle,
            tensors.get(1).handle,
            tensors.get(2).handle,
            tensors.get(3).handle,
            geometry.strides(),
            geometry.paddings(),
            geometry.paddings(),
            attributes,
            true));
  }

  /** Gradient of a convolution's input. */
  public Optional<PrimitiveDesc> convBackwardData(
      Desc dx, Desc weights, Desc dy, Geometry geometry, PrimitiveDesc forward) {
    return chosen(
        new convolution_backward_data.primitive_desc(
            engine(),
            dnnl.dnnl_convolution_direct,
            dx.handle,
            weights.handle,
            dy.handle,
            geometry.strides(),
            geometry.paddings(),
            geometry.paddings(),
            (convolution_forward.primitive_desc) forward.handle,
            attributes(),
            true));
  }

  /** Gradient of a convolution's weights. */
  public Optional<PrimitiveDesc> convBackwardWeights(
      Desc x, Desc dweights, Desc dy, Geometry geometry, PrimitiveDesc forward) {
    return chosen(
        new convolution_backward_weights.primitive_desc(
            engine(),
            dnnl.dnnl_convolution_direct,
            x.handle,
            dweights.handle,
            dy.handle,
            geometry.strides(),
            geometry.paddings(),
            geometry.paddings(),
            (convolution_forward.primitive_desc) forward.handle,
            attributes(),
            true));
  }

  private static int flags(NormFlag... flags) {
    int code = dnnl.dnnl_use_scale | dnnl.dnnl_use_shift;
    for (NormFlag flag : flags) {
      code |= flag.code;
    }
    return code;
  }

  /** Batch norm with scale and shift. */
  public Optional<PrimitiveDesc> normForward(
      Propagation propagation, Desc x, double eps, NormFlag... flags) {
    return chosen(
        new batch_normalization_forward.primitive_desc(
            engine(),
            propagation.code,
            x.handle,
            x.handle,
            (float) eps,
            flags(flags),
            attributes(),
            true));
  }

  /** Gradients of a batch norm's input, scale and shift. */
  public Optional<PrimitiveDesc> normBackward(
      Desc x, double eps, PrimitiveDesc forward, NormFlag... flags) {
    return chosen(
        new batch_normalization_backward.primitive_desc(
            engine(),
            dnnl.dnnl_backward,
            x.handle,
            x.handle,
            x.handle,
            (float) eps,
            flags(flags),
            (batch_normalization_forward.primitive_desc) forward.handle,
            attributes(),
            true));
  }

  /** Kinds of pooling. */
  public enum Pooling {
    /** Largest value; padding never wins. */
    MAX(dnnl.dnnl_pooling_max),
    /** Mean over the window. */
    AVERAGE(dnnl.dnnl_pooling_avg_exclude_padding);

    private final int code;

    Pooling(int code) {
      this.code = code;
    }
  }

  /** A pooling window. */
  public record PoolWindow(Pooling pooling, int rows, int columns, Geometry geometry) {
    private long[] kernel() {
      return new long[] {rows, columns};
    }
  }

  /** Pooling. */
  public Optional<PrimitiveDesc> poolForward(
      Propagation propagation, Desc x, Desc y, PoolWindow window) {
    Geometry g = window.geometry();
    return chosen(
        new pooling_forward.primitive_desc(
            engine(),
            propagation.code,
            window.pooling().code,
            x.handle,
            y.handle,
            g.strides(),
            window.kernel(),
            NO_DILATION,
            g.paddings(),
            g.paddings(),
            attributes(),
            true));
  }

  /** Gradient of a pooling's input. */
  public Optional<PrimitiveDesc> poolBackward(
      Desc dx, Desc dy, PoolWindow window, PrimitiveDesc forward) {
    Geometry g = window.geometry();
    return chosen(
        new pooling_backward.primitive_desc(
            engine(),
            window.pooling().code,
            dx.handle,
            dy.handle,
            g.strides(),
            window.kernel(),
            NO_DILATION,
            g.paddings(),
            g.paddings(),
            (pooling_forward.primitive_desc) forward.handle,
            attributes(),
            true));
  }

  /** {@code max(x, 0)}, backward from the output. */
  public Optional<PrimitiveDesc> reluForward(Propagation propagation, Desc x) {
    return chosen(
        new eltwise_forward.primitive_desc(
            engine(),
            propagation.code,
            propagation == Propagation.TRAINING
                ? dnnl.dnnl_eltwise_relu_use_dst_for_bwd
                : dnnl.dnnl_eltwise_relu,
            x.handle,
            x.handle,
            0f,
            0f,
            attributes(),
            true));
  }

  /** Gradient of a ReLU's input from its output. */
  public Optional<PrimitiveDesc> reluBackward(Desc x, PrimitiveDesc forward) {
    return chosen(
        new eltwise_backward.primitive_desc(
            engine(),
            dnnl.dnnl_eltwise_relu_use_dst_for_bwd,
            x.handle,
            x.handle,
            x.handle,
            0f,
            0f,
            (eltwise_forward.primitive_desc) forward.handle,
            attributes(),
            true));
  }

  /** Sum of two tensors of one layout; the destination may be one of them. */
  public Optional<PrimitiveDesc> add(Desc x, PostOp... postOps) {
    return chosen(
        new binary.primitive_desc(
            engine(),
            dnnl.dnnl_binary_add,
            x.handle,
            x.handle,
            x.handle,
            attributes(postOps),
            true));
  }

  /** {@code y = x·weightsᵀ + bias}; {@code tensors} are x, weights, bias, y. */
  public Optional<PrimitiveDesc> linearForward(Propagation propagation, List<Desc> tensors) {
    return chosen(
        new inner_product_forward.primitive_desc(
            engine(),
            propagation.code,
            tensors.get(0).handle,
            tensors.get(1).handle,
            tensors.get(2).handle,
            tensors.get(3).handle,
            attributes(),
            true));
  }

  /** Gradient of a linear layer's input. */
  public Optional<PrimitiveDesc> linearBackwardData(
      Desc dx, Desc weights, Desc dy, PrimitiveDesc forward) {
    return chosen(
        new inner_product_backward_data.primitive_desc(
            engine(),
            dx.handle,
            weights.handle,
            dy.handle,
            (inner_product_forward.primitive_desc) forward.handle,
            attributes(),
            true));
  }

  /** Gradients of a linear layer's weights and bias; {@code tensors} are x, dweights, dbias, dy. */
  public Optional<PrimitiveDesc> linearBackwardWeights(List<Desc> tensors, PrimitiveDesc forward) {
    return chosen(
        new inner_product_backward_weights.primitive_desc(
            engine(),
            tensors.get(0).handle,
            tensors.get(1).handle,
            tensors.get(2).handle,
            tensors.get(3).handle,
            (inner_product_forward.primitive_desc) forward.handle,
            attributes(),
            true));
  }

  /** Copy between layouts and types. */
  public Optional<PrimitiveDesc> reorder(Desc from, Desc to) {
    return chosen(
        new reorder.primitive_desc(engine(), from.handle, engine(), to.handle, attributes(), true));
  }

  /** A tensor at byte {@code offset} of a block of memory. */
  public Memory memory(Desc desc, HostMemory block, long offset) {
    if (offset < 0 || offset + desc.bytes() > block.bytes()) {
      throw new IndexOutOfBoundsException(
          "a tensor of "
              + desc.bytes()
              + " bytes at "
              + offset
              + " leaves its block of "
              + block.bytes());
    }
    return new Memory(own(new memory(desc.handle, engine(), block.at(offset))), desc.bytes());
  }

  /** Ties an implementation to its arguments. */
  public Primitive primitive(PrimitiveDesc desc, Map<Arg, Memory> arguments) {
    IntMemoryMap map = own(new IntMemoryMap());
    arguments.forEach((arg, value) -> map.put(arg.code, value.handle));
    primitive handle =
        desc.handle instanceof reorder.primitive_desc r
            ? new reorder(r)
            : new primitive((primitive_desc) desc.handle);
    return new Primitive(own(handle), dnn.stream(), map);
  }

  @Override
  public void close() {
    closed = true;
    for (int i = owned.size() - 1; i >= 0; i--) {
      owned.get(i).close();
    }
    owned.clear();
  }
}
