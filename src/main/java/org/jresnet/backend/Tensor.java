package org.jresnet.backend;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jresnet.base.BFloat16;
import org.jresnet.base.Float16;
import org.jresnet.graph.DType;

/**
 * A view of consecutive elements of a {@link Buffer}. The shape belongs to the op that uses it.
 *
 * @param buffer the memory
 * @param offset first byte
 * @param type element type: F64, F32, TF32, BF16 or F16
 * @param elements number of elements
 */
public record Tensor(Buffer buffer, long offset, DType type, long elements) {
  private static final int CHUNK = 1 << 16;

  /** Checks that the view lies inside the buffer. */
  public Tensor {
    if (offset < 0 || elements < 0 || offset + elements * type.bytes() > buffer.bytes()) {
      throw new IllegalArgumentException(
          "a view of "
              + elements
              + " "
              + type
              + " at byte "
              + offset
              + " leaves its buffer of "
              + buffer.bytes()
              + " bytes");
    }
  }

  /** Size in bytes. */
  public long bytes() {
    return elements * type.bytes();
  }

  /** The {@code count} elements from element {@code first} on. */
  public Tensor slice(long first, long count) {
    if (first < 0 || count < 0 || first + count > elements) {
      throw new IllegalArgumentException(
          "slice " + first + "+" + count + " of " + elements + " elements");
    }
    return new Tensor(buffer, offset + first * type.bytes(), type, count);
  }

  /** The bytes for reading at once; see {@link Buffer#snapshot}. */
  public ByteBuffer snapshot() {
    return buffer.snapshot(offset, Math.toIntExact(bytes()));
  }

  /** Copies the host's values in, rounding to nearest even where the type is narrower. */
  public void set(float[] values) {
    if (values.length != elements) {
      throw new IllegalArgumentException(
          "expected " + elements + " values, found " + values.length);
    }
    ByteBuffer chunk = direct((int) Math.min(CHUNK, elements) * type.bytes());
    for (int from = 0; from < values.length; from += CHUNK) {
      int count = Math.min(CHUNK, values.length - from);
      chunk.clear().limit(count * type.bytes());
      switch (type) {
        case F32, TF32 -> chunk.asFloatBuffer().put(values, from, count);
        case F64 -> {
          for (int i = 0; i < count; i++) {
            chunk.putDouble(i * 8, values[from + i]);
          }
        }
        case BF16 -> {
          for (int i = 0; i < count; i++) {
            chunk.putShort(i * 2, BFloat16.of(values[from + i]));
          }
        }
        case F16 -> {
          for (int i = 0; i < count; i++) {
            chunk.putShort(i * 2, Float16.of(values[from + i]));
          }
        }
        default -> throw new IllegalStateException("no host access to " + type);
      }
      buffer.write(offset + (long) from * type.bytes(), chunk);
    }
  }

  /** Memory through which {@link #toFloats(ByteBuffer)} reads tensors, for who reads often. */
  public static ByteBuffer staging() {
    return direct(CHUNK * Double.BYTES);
  }

  private static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** The values as the host sees them; F64 is rounded to single precision. */
  public float[] toFloats() {
    return toFloats(direct((int) Math.min(CHUNK, elements) * type.bytes()));
  }

  /**
   * The same without native memory of its own.
   *
   * @param chunk of {@link #staging}
   */
  public float[] toFloats(ByteBuffer chunk) {
    float[] values = new float[Math.toIntExact(elements)];
    toFloats(values, chunk);
    return values;
  }

  /**
   * The same into an array that may be longer.
   *
   * @param chunk of {@link #staging}
   */
  public void toFloats(float[] values, ByteBuffer chunk) {
    int total = Math.toIntExact(elements);
    for (int from = 0; from < total; from += CHUNK) {
      int count = Math.min(CHUNK, total - from);
      chunk.clear().limit(count * type.bytes());
      buffer.read(offset + (long) from * type.bytes(), chunk);
      chunk.flip();
      switch (type) {
        case F32, TF32 -> chunk.asFloatBuffer().get(values, from, count);
        case F64 -> {
          for (int i = 0; i < count; i++) {
            values[from + i] = (float) chunk.getDouble(i * 8);
          }
        }
        case BF16 -> {
          for (int i = 0; i < count; i++) {
            values[from + i] = BFloat16.toFloat(chunk.getShort(i * 2));
          }
        }
        case F16 -> {
          for (int i = 0; i < count; i++) {
            values[from + i] = Float16.toFloat(chunk.getShort(i * 2));
          }
        }
        default -> throw new IllegalStateException("no host access to " + type);
      }
    }
  }
}
