package org.jresnet.weights;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.jresnet.base.Float16;
import org.jresnet.graph.DType;

/**
 * A tensor in host memory, read-only.
 *
 * @param type element type
 * @param shape extents, row-major; empty for a scalar
 * @param data little-endian elements, position 0 to limit
 */
public record HostTensor(DType type, List<Long> shape, ByteBuffer data) {
  /** Checks that the data have the size that type and shape ask for; the bytes are not copied. */
  public HostTensor {
    shape = List.copyOf(shape);
    if (!DType.ofFiles().contains(type)) {
      throw new IllegalArgumentException("no file holds elements of type " + type);
    }
    data = data.slice().asReadOnlyBuffer();
    long bytes = bytes(type, shape);
    if (data.remaining() != bytes) {
      throw new IllegalArgumentException(
          type + " " + shape + " needs " + bytes + " bytes, found " + data.remaining());
    }
  }

  /**
   * Bytes of a tensor; an {@link ArithmeticException} for extents that no tensor has: negative
   * ones, or more elements than fit into 63 bits.
   */
  static long bytes(DType type, List<Long> shape) {
    long bytes = type.bytes();
    boolean empty = false;
    for (long extent : shape) {
      if (extent < 0) {
        throw new ArithmeticException("negative extent " + extent);
      }
      empty |= extent == 0;
      bytes = Math.multiplyExact(bytes, Math.max(1, extent));
    }
    return empty ? 0 : bytes;
  }

  /** The little-endian elements, read-only, as a buffer of the caller's own. */
  @Override
  public ByteBuffer data() {
    return data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Number of elements. */
  public int elements() {
    return data.remaining() / type.bytes();
  }

  /** An F32 tensor of the given values. */
  public static HostTensor ofFloats(List<Long> shape, float[] values) {
    ByteBuffer data =
        ByteBuffer.allocate(Math.multiplyExact(values.length, Float.BYTES))
            .order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().put(values);
    return new HostTensor(DType.F32, shape, data);
  }

  /** An F16 tensor of values rounded to half precision. */
  public static HostTensor ofHalves(List<Long> shape, float[] values) {
    ByteBuffer data =
        ByteBuffer.allocate(Math.multiplyExact(values.length, Short.BYTES))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      data.putShort(Float16.of(value));
    }
    return new HostTensor(DType.F16, shape, data.flip());
  }

  /** An I64 tensor of the given values. */
  public static HostTensor ofLongs(List<Long> shape, long... values) {
    ByteBuffer data =
        ByteBuffer.allocate(Math.multiplyExact(values.length, Long.BYTES))
            .order(ByteOrder.LITTLE_ENDIAN);
    data.asLongBuffer().put(values);
    return new HostTensor(DType.I64, shape, data);
  }

  /**
   * The values in single precision; exact for all types of at most 16 bits and F32, rounded for the
   * rest.
   */
  public float[] toFloats() {
    float[] values = new float[elements()];
    ByteBuffer in = data();
    switch (type) {
      case F32, TF32 -> in.asFloatBuffer().get(values);
      case F64 -> fill(values, i -> (float) in.getDouble(i * 8));
      case F16 -> fill(values, i -> Float16.toFloat(in.getShort(i * 2)));
      case BF16 -> fill(values, i -> Float.intBitsToFloat(in.getShort(i * 2) << 16));
      case F8_E4M3 -> fill(values, i -> float8(in.get(i)));
      case F8_E5M2 -> fill(values, i -> Float16.toFloat((short) (in.get(i) << 8)));
      case I64 -> fill(values, i -> in.getLong(i * 8));
      case I32 -> fill(values, i -> in.getInt(i * 4));
      case I16 -> fill(values, i -> in.getShort(i * 2));
      case I8 -> fill(values, i -> in.get(i));
      case U64 -> fill(values, i -> unsigned(in.getLong(i * 8)));
      case U32 -> fill(values, i -> in.getInt(i * 4) & 0xffffffffL);
      case U16 -> fill(values, i -> in.getShort(i * 2) & 0xffff);
      case U8, BOOL -> fill(values, i -> in.get(i) & 255);
    }
    return values;
  }

  /**
   * The value of a {@code float8_e4m3fn}: bias 7, the largest exponent is an ordinary one, and only
   * all ones are NaN (Micikevicius et al. 2022, <a
   * href="https://arxiv.org/abs/2209.05433">arXiv:2209.05433</a>).
   */
  private static float float8(int bits) {
    int exponent = bits >> 3 & 15;
    int mantissa = bits & 7;
    if (exponent == 15 && mantissa == 7) {
      return Float.NaN;
    }
    float magnitude =
        exponent == 0 ? mantissa * 0x1p-9f : Math.scalb(1 + mantissa / 8f, exponent - 7);
    return (bits & 0x80) == 0 ? magnitude : -magnitude;
  }

  /** Rounded once: the lowest bit of the half remembers whether any below it was set. */
  private static float unsigned(long value) {
    return value >= 0 ? value : (value >>> 1 | value & 1) * 2f;
  }

  private interface At {
    float value(int i);
  }

  private static void fill(float[] values, At at) {
    for (int i = 0; i < values.length; i++) {
      values[i] = at.value(i);
    }
  }

  /** The single value of an integer tensor with one element. */
  public long toLong() {
    if (elements() != 1) {
      throw new IllegalArgumentException("expected one value, found " + type + shape);
    }
    ByteBuffer in = data();
    return switch (type) {
      case I64 -> in.getLong(0);
      case U64 -> {
        if (in.getLong(0) < 0) {
          throw new IllegalArgumentException(
              "expected at most 63 bits, found " + Long.toUnsignedString(in.getLong(0)));
        }
        yield in.getLong(0);
      }
      case I32 -> in.getInt(0);
      case U32 -> in.getInt(0) & 0xffffffffL;
      case I16 -> in.getShort(0);
      case U16 -> in.getShort(0) & 0xffff;
      case I8 -> in.get(0);
      case U8, BOOL -> in.get(0) & 255;
      case F64, F32, TF32, F16, BF16, F8_E4M3, F8_E5M2 -> {
        float value = toFloats()[0];
        if (value != (long) value) {
          throw new IllegalArgumentException("expected a whole number, found " + value);
        }
        yield (long) value;
      }
    };
  }
}
