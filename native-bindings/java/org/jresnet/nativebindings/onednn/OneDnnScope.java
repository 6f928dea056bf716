package org.jresnet.nativebindings.onednn;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.binary;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.post_ops;
import org.bytedeco.dnnl.primitive;
import org.bytedeco.dnnl.primitive_attr;
import org.bytedeco.dnnl.primitive_desc;
import org.bytedeco.dnnl.primitive_desc_base;
import org.bytedeco.dnnl.reorder;
import org.bytedeco.javacpp.Pointer;

/**
 * Makes and owns oneDNN objects. What plans, here and in {@link Convolution}, {@link BatchNorm},
 * {@link Pooling}, {@link Elementwise} and {@link InnerProduct}, returns an empty result where
 * oneDNN has no implementation, instead of failing.
 *
 * <p>Extents are given in oneDNN's logical order {@code n c h w} and {@code k c r s} whatever the
 * layout.
 */
public final class OneDnnScope implements AutoCloseable {
  private final OneDnn dnn;
  private final List<Pointer> owned = new ArrayList<>();
  private boolean closed;

  /** A scope of objects on the given engine. */
  public OneDnnScope(OneDnn dnn) {
    this.dnn = dnn;
  }

  <T extends Pointer> T own(T pointer) {
    if (closed) {
      throw new IllegalStateException("a oneDNN scope is used after close");
    }
    owned.add(pointer);
    return pointer;
  }

  /** What oneDNN takes for an operand that may be absent. */
  memory.desc handleOrNone(Optional<Desc> desc) {
    return desc.map(d -> d.handle).orElseGet(() -> own(new memory.desc()));
  }

  engine engine() {
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

  /** Filters in the order {@code k c r s}, which is also that of {@code group k c r s}. */
  public Desc filters(DataType type, Filters f) {
    memory.format_tag order = f.groups() == 1 ? memory.format_tag.oihw : memory.format_tag.goihw;
    return desc(type, order, f.extents());
  }

  /** The same filters, seen from a transposed convolution: {@code c k r s} in memory. */
  public Desc transposedFilters(DataType type, Filters f) {
    memory.format_tag order = f.groups() == 1 ? memory.format_tag.iohw : memory.format_tag.giohw;
    return desc(type, order, f.extents());
  }

  /** Filters in whatever layout the implementation likes best. */
  public Desc filtersAnyLayout(DataType type, Filters f) {
    return desc(type, memory.format_tag.any, f.extents());
  }

  /** A row-major matrix. */
  public Desc matrix(DataType type, long rows, long columns) {
    return desc(type, memory.format_tag.ab, rows, columns);
  }

  /** A vector. */
  public Desc vector(DataType type, long elements) {
    return desc(type, memory.format_tag.a, elements);
  }

  /** An empty list of post-ops. */
  public PostOps postOps() {
    return new PostOps(own(new post_ops()));
  }

  primitive_attr attributes() {
    primitive_attr attributes = own(new primitive_attr());
    // Scratch comes from the engine's planned workspace, not from a hidden allocation of the
    // library.
    attributes.set_scratchpad_mode(dnnl.dnnl_scratchpad_mode_user);
    return attributes;
  }

  primitive_attr attributes(PostOps postOps) {
    primitive_attr attributes = attributes();
    attributes.set_post_ops(postOps.handle);
    return attributes;
  }

  Optional<PrimitiveDesc> chosen(primitive_desc_base handle) {
    own(handle);
    // oneDNN's handle is empty, not an error, where allow_empty was set and nothing fits.
    var inner = handle.get(true);
    return inner == null || inner.isNull()
        ? Optional.empty()
        : Optional.of(new PrimitiveDesc(handle, this));
  }

  /** Sum of two tensors of one layout; the destination may be one of them. */
  public Optional<PrimitiveDesc> add(Desc x) {
    return add(x, postOps());
  }

  /** The same with post-ops. */
  public Optional<PrimitiveDesc> add(Desc x, PostOps postOps) {
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
