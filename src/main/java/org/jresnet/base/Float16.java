package org.jresnet.base;

/** Conversions between single precision and IEEE half precision; Java has them only from 20 on. */
public final class Float16 {
  /** The largest finite number. */
  public static final float LARGEST = 65504;

  private Float16() {}

  /** Whether none of the values is beyond {@link #LARGEST}. */
  public static boolean reaches(float[] values) {
    for (float value : values) {
      if (Math.abs(value) > LARGEST) {
        return false;
      }
    }
    return true;
  }

  /** Exact. */
  public static float toFloat(short bits) {
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

  /** Rounds to nearest, ties to even; what is too large becomes infinite, NaN stays NaN. */
  public static short of(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = bits >>> 16 & 0x8000;
    int magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) {
      return (short) (sign | 0x7e00);
    } else if (magnitude >= 0x477ff000) {
      return (short) (sign | 0x7c00);
    } else if (magnitude < 0x38800000) {
      // Subnormal halves are multiples of 2^-24, which the sum rounds to: its last bit is 2^-24.
      float shifted = Float.intBitsToFloat(magnitude) + 0.5f;
      return (short) (sign | Float.floatToRawIntBits(shifted) - 0x3f000000);
    }
    return (short) (sign | magnitude - 0x38000000 + 0xfff + (magnitude >>> 13 & 1) >>> 13);
  }
}
