package org.jresnet.weights;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.jresnet.graph.DType;

/**
 * A tensor in host memory.
 *
 * @param type element type
 * @param shape extents, row-major; empty for a scalar
 * @param data little-endian elements, position 0 to limit
 */
public record HostTensor(DType type, List<Long> shape, ByteBuffer data) {
  /** Checks that data have the size that type and shape ask for. */
  public HostTensor {
    shape = List.copyOf(shape);
    data = data.slice().order(ByteOrder.LITTLE_ENDIAN);
    long bytes = Math.multiplyExact(elements(shape), type.bytes());
    if (data.remaining() != bytes) {
      throw new IllegalArgumentException(
          type + " " + shape + " needs " + bytes + " bytes, found " + data.remaining());
    }
  }

  static long elements(List<Long> shape) {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }

  /** Number of elements. */
  public int elements() {
    return data.remaining() / type.bytes();
  }

  /** An F32 tensor of the given values. */
  public static HostTensor ofFloats(List<Long> shape, float[] values) {
    ByteBuffer data =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().put(values);
    return new HostTensor(DType.F32, shape, data);
  }

  /** An I64 tensor of the given values. */
  public static HostTensor ofLongs(List<Long> shape, long... values) {
    ByteBuffer data =
        ByteBuffer.allocate(values.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    data.asLongBuffer().put(values);
    return new HostTensor(DType.I64, shape, data);
  }

  /** The values in single precision; exact for F32, F16 and BF16. */
  public float[] toFloats() {
    float[] values = new float[elements()];
    switch (type) {
      case F32 -> data.asFloatBuffer().get(0, values);
      case F64 -> fill(values, i -> (float) data.getDouble(i * 8));
      case F16 -> fill(values, i -> half(data.getShort(i * 2)));
      case BF16 -> fill(values, i -> Float.intBitsToFloat(data.getShort(i * 2) << 16));
      case I64 -> fill(values, i -> data.getLong(i * 8));
      case I32 -> fill(values, i -> data.getInt(i * 4));
      case I8 -> fill(values, i -> data.get(i));
      case U8 -> fill(values, i -> data.get(i) & 255);
    }
    return values;
  }

  private interface At {
    float value(int i);
  }

  private static void fill(float[] values, At at) {
    for (int i = 0; i < values.length; i++) {
      values[i] = at.value(i);
    }
  }

  /** IEEE half to single precision, exact; Java has a method for it only from 20 on. */
  static float half(short bits) {
    int sign = (bits & 0x8000) << 16;
    int exponent = bits >> 10 & 31;
    int mantissa = bits & 1023;
    if (exponent == 0) {
      float value = mantissa * 0x1p-24f;
      return sign == 0 ? value : -value;
    }
    int wide = exponent == 31 ? 255 : exponent + 112;
    return Float.intBitsToFloat(sign | wide << 23 | mantissa << 13);
  }

  /** The single value of a scalar integer tensor. */
  public long toLong() {
    if (elements() != 1) {
      throw new IllegalArgumentException("expected one value, found " + type + shape);
    }
    return type == DType.I64 ? data.getLong(0) : (long) toFloats()[0];
  }
}
