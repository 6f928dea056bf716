package org.jresnet.backend.cpu;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import org.jresnet.backend.Tensor;
import org.jresnet.base.BFloat16;
import org.jresnet.graph.DType;

/**
 * A tensor of F32 or BF16 for loops of our own: stretches of it are copied to the heap, where the
 * compiler vectorises, and back.
 */
final class HostTensor {
  /** Values; from 4 kB on, the JVM reads memory outside the heap a quarter slower. */
  private static final int PIECE = 512;

  /** A worker's place for a stretch. */
  static final class Row {
    final float[] values;
    private final short[] bits;

    Row(int capacity) {
      values = new float[capacity];
      bits = new short[capacity];
    }

    void clear(int count) {
      java.util.Arrays.fill(values, 0, count, 0);
    }
  }

  private final FloatBuffer floats;
  private final ShortBuffer halves;

  HostTensor(Tensor tensor) {
    ByteBuffer bytes = CpuBuffer.bytes(tensor);
    floats = tensor.type() == DType.F32 ? bytes.asFloatBuffer() : null;
    halves = tensor.type() == DType.BF16 ? bytes.asShortBuffer() : null;
    if (floats == null && halves == null) {
      throw new IllegalArgumentException("expected F32 or BF16, found " + tensor.type());
    }
  }

  /** A row for every worker. */
  static Row[] rows(Workers workers, int capacity) {
    Row[] rows = new Row[workers.count()];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = new Row(capacity);
    }
    return rows;
  }

  /** Copies {@code count} elements from element {@code at} on to the start of the row. */
  void get(long at, Row row, int count) {
    if (floats != null) {
      for (int i = 0; i < count; i += PIECE) {
        floats.get((int) at + i, row.values, i, Math.min(PIECE, count - i));
      }
      return;
    }
    halves.get((int) at, row.bits, 0, count);
    for (int i = 0; i < count; i++) {
      row.values[i] = BFloat16.toFloat(row.bits[i]);
    }
  }

  /** Copies the start of the row to {@code count} elements from element {@code at} on. */
  void put(long at, Row row, int count) {
    if (floats != null) {
      floats.put((int) at, row.values, 0, count);
      return;
    }
    for (int i = 0; i < count; i++) {
      row.bits[i] = BFloat16.of(row.values[i]);
    }
    halves.put((int) at, row.bits, 0, count);
  }

  /** {@link #put}, or an addition to what is there, for which {@code old} is overwritten. */
  void put(long at, Row row, int count, boolean adds, Row old) {
    if (adds) {
      get(at, old, count);
      for (int i = 0; i < count; i++) {
        row.values[i] += old.values[i];
      }
    }
    put(at, row, count);
  }
}
