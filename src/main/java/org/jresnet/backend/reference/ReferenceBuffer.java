package org.jresnet.backend.reference;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.Tensor;
import org.jresnet.graph.DType;

/** Doubles on the Java heap. */
final class ReferenceBuffer implements Buffer {
  private double[] values;

  ReferenceBuffer(long bytes) {
    values = new double[Math.toIntExact((bytes + 7) / 8)];
  }

  @Override
  public long bytes() {
    return 8L * live().length;
  }

  private double[] live() {
    if (values == null) {
      throw new IllegalStateException("a reference buffer is used after close");
    }
    return values;
  }

  @Override
  public void write(long offset, ByteBuffer source) {
    int count = source.remaining() / 8;
    source
        .slice()
        .order(ByteOrder.LITTLE_ENDIAN)
        .asDoubleBuffer()
        .get(live(), (int) (offset / 8), count);
    source.position(source.limit());
  }

  @Override
  public void read(long offset, ByteBuffer target) {
    int count = target.remaining() / 8;
    target
        .slice()
        .order(ByteOrder.LITTLE_ENDIAN)
        .asDoubleBuffer()
        .put(live(), (int) (offset / 8), count);
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
      a = ((ReferenceBuffer) tensor.buffer()).live();
      at = Math.toIntExact(tensor.offset() / 8);
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
      java.util.Arrays.fill(a, at, at + length, 0);
    }
  }
}
