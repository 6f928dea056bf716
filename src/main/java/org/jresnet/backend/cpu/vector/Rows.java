package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Products.LANES;
import static org.jresnet.backend.cpu.vector.Products.SPECIES;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.util.Objects;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Memory of F32 or BF16 values, read and written as F32. Vectors of memory outside the heap are
 * slow in Java 17, so stretches are copied to arrays, which stay in the first caches.
 */
public final class Rows {
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, SPECIES.vectorShape());
  private static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, VectorShape.forBitSize(LANES * Short.SIZE));

  /** Values; from 4 kB on, the JVM copies between heap and other memory at half the speed. */
  private static final int PIECE = 512;

  private final FloatBuffer floats;
  private final ShortBuffer halves;

  private Rows(FloatBuffer floats, ShortBuffer halves) {
    this.floats = floats;
    this.halves = halves;
  }

  /** Bits of this machine's vectors, as this JVM uses them. */
  public static int vectorBits() {
    return SPECIES.vectorBitSize();
  }

  /** A view of F32 values in native byte order. */
  public static Rows floats(ByteBuffer bytes) {
    return new Rows(bytes.asFloatBuffer(), null);
  }

  /** A view of BF16 values in native byte order. */
  public static Rows halves(ByteBuffer bytes) {
    return new Rows(null, bytes.asShortBuffer());
  }

  /** Whether the values are BF16, so that reading and writing needs a place for their bits. */
  public boolean half() {
    return halves != null;
  }

  /**
   * Copies {@code count} values from value {@code at} on.
   *
   * @param bits a place for as many BF16 values; unused for F32
   */
  void get(int at, float[] into, int offset, int count, short[] bits) {
    if (floats != null) {
      for (int i = 0; i < count; i += PIECE) {
        floats.get(at + i, into, offset + i, Math.min(PIECE, count - i));
      }
      return;
    }
    halves.get(at, bits, 0, count);
    Bounds.check(into, offset, count);
    int whole = SPECIES.loopBound(count);
    for (int i = 0; i < whole; i += LANES) {
      IntVector wide =
          (IntVector)
              ShortVector.fromArray(SHORTS, bits, i).convertShape(VectorOperators.S2I, INTS, 0);
      wide.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(into, offset + i);
    }
    for (int i = whole; i < count; i++) {
      into[offset + i] = Float.intBitsToFloat(bits[i] << 16);
    }
  }

  /**
   * Writes {@code count} values from value {@code at} on, BF16 rounded to nearest, ties to even.
   */
  void put(int at, float[] from, int offset, int count, short[] bits) {
    if (floats != null) {
      for (int i = 0; i < count; i += PIECE) {
        floats.put(at + i, from, offset + i, Math.min(PIECE, count - i));
      }
      return;
    }
    Bounds.check(from, offset, count);
    Objects.checkFromIndexSize(0, count, bits.length);
    int whole = SPECIES.loopBound(count);
    for (int i = 0; i < whole; i += LANES) {
      FloatVector value = FloatVector.fromArray(SPECIES, from, offset + i);
      IntVector word = value.reinterpretAsInts();
      IntVector high = word.lanewise(VectorOperators.LSHR, 16);
      IntVector rounded = word.add(high.and(1)).add(0x7FFF).lanewise(VectorOperators.LSHR, 16);
      VectorMask<Integer> nan = value.compare(VectorOperators.NE, value).cast(INTS);
      IntVector result = rounded.blend(high.or(0x40), nan);
      ((ShortVector) result.convertShape(VectorOperators.I2S, SHORTS, 0)).intoArray(bits, i);
    }
    for (int i = whole; i < count; i++) {
      bits[i] = half(from[offset + i]);
    }
    halves.put(at, bits, 0, count);
  }

  private static short half(float value) {
    int word = Float.floatToRawIntBits(value);
    int high = word >>> 16;
    return (short) (value != value ? high | 0x40 : (word + (high & 1) + 0x7FFF) >>> 16);
  }
}
