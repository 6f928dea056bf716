package org.jresnet.backend.cpu;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.Tensor;
import org.jresnet.graph.DType;
import org.jresnet.nativebindings.onednn.HostMemory;

/** Host memory as the contract's buffer. */
final class CpuBuffer implements Buffer {
  /** The longest view that a ByteBuffer can give, in whole cache lines. */
  private static final int VIEW = Integer.MAX_VALUE & ~63;

  private final HostMemory memory;

  /** All of it, where a view can hold that: access through it allocates nothing. */
  private ByteBuffer whole;

  CpuBuffer(long bytes) {
    memory = new HostMemory(bytes);
    whole = bytes <= VIEW ? memory.view(0, (int) bytes) : null;
  }

  static HostMemory memory(Tensor tensor) {
    return ((CpuBuffer) tensor.buffer()).memory;
  }

  /** A view of the tensor's bytes in native order. */
  static ByteBuffer bytes(Tensor tensor) {
    return memory(tensor).view(tensor.offset(), Math.toIntExact(tensor.bytes()));
  }

  /** A view of a single-precision tensor. */
  static FloatBuffer floats(Tensor tensor) {
    if (tensor.type() != DType.F32) {
      throw new IllegalArgumentException("expected F32, found " + tensor.type());
    }
    return bytes(tensor).asFloatBuffer();
  }

  @Override
  public long bytes() {
    return memory.bytes();
  }

  @Override
  public void write(long offset, ByteBuffer source) {
    requireLittleEndian();
    if (whole != null) {
      whole.put(Math.toIntExact(offset), source, source.position(), source.remaining());
      source.position(source.limit());
      return;
    }
    while (source.hasRemaining()) {
      int count = Math.min(source.remaining(), VIEW);
      memory.view(offset, count).put(source.slice().limit(count));
      source.position(source.position() + count);
      offset += count;
    }
  }

  @Override
  public void read(long offset, ByteBuffer target) {
    requireLittleEndian();
    if (whole != null) {
      int count = target.remaining();
      target.put(target.position(), whole, Math.toIntExact(offset), count);
      target.position(target.limit());
      return;
    }
    while (target.hasRemaining()) {
      int count = Math.min(target.remaining(), VIEW);
      target.put(memory.view(offset, count));
      offset += count;
    }
  }

  @Override
  public ByteBuffer snapshot(long offset, int length) {
    requireLittleEndian();
    return memory.view(offset, length).asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }

  private static void requireLittleEndian() {
    if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
      throw new UnsupportedOperationException("the cpu backend expects a little-endian CPU");
    }
  }

  @Override
  public void close() {
    whole = null;
    memory.close();
  }
}
