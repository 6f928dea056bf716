package org.jresnet.backend.reference;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.Tensor;
import org.jresnet.graph.DType;

/** Doubles on the Java heap; byte offsets and lengths are multiples of 8. */
final class ReferenceBuffer implements Buffer {
  private double[] values;

  ReferenceBuffer(long bytes) {
    values = new double[Math.toIntExact((bytes + Double.BYTES - 1) / Double.BYTES)];
  }

  @Override
  public long bytes() {
    return (long) Double.BYTES * live().length;
  }

  private double[] live() {
    if (values == null) {
      throw new IllegalStateException("a reference buffer is used after close");
    }
    return values;
  }

  /** Index of the double at a byte offset. */
  private static int index(long bytes) {
    if (bytes % Double.BYTES != 0) {
      throw new IllegalArgumentException(
          "the reference backend stores doubles; expected a multiple of 8 bytes, found " + bytes);
    }
    return Math.toIntExact(bytes / Double.BYTES);
  }

  @Override
  public void write(long offset, ByteBuffer source) {
    source
        .slice()
        .order(ByteOrder.LITTLE_ENDIAN)
        .asDoubleBuffer()
        .get(live(), index(offset), index(source.remaining()));
    source.position(source.limit());
  }

  @Override
  public void read(long offset, ByteBuffer target) {
    target
        .slice()
        .order(ByteOrder.LITTLE_ENDIAN)
        .asDoubleBuffer()
        .put(live(), index(offset), index(target.remaining()));
    target.position(target.limit());
  }

  @Override
  public ByteBuffer snapshot(long offset, int length) {
    ByteBuffer copy = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    read(offset, copy);
    return copy.flip();
  }

  @Override
  public void close() {
    values = null;
  }

  /** A tensor as an array and the index of its first element: {@code t.a[t.at + i]}. */
  static final class View {
    final double[] a;
    final int at;
    final int length;

    View(Tensor tensor) {
      if (tensor.type() != DType.F64) {
        throw new IllegalArgumentException(
            "the reference backend computes in F64, found " + tensor.type());
      }
      if (!(tensor.buffer() instanceof ReferenceBuffer buffer)) {
        throw new IllegalArgumentException(
            "expected memory of the reference backend, found that of "
                + tensor.buffer().getClass().getSimpleName());
      }
      a = buffer.live();
      at = index(tensor.offset());
      length = Math.toIntExact(tensor.elements());
    }

    double get(int i) {
      return a[at + i];
    }

    void set(int i, double value) {
      a[at + i] = value;
    }

    void add(int i, double value) {
      a[at + i] += value;
    }

    void zero() {
      Arrays.fill(a, at, at + length, 0);
    }

    double[] copy() {
      return Arrays.copyOfRange(a, at, at + length);
    }
  }
}
