package org.jresnet.backend;

import org.jresnet.graph.DType;

/**
 * How a tensor of an int8 network holds its numbers: {@code value = scale · integer}, symmetric
 * around zero, as in <a href="https://arxiv.org/abs/1712.05877">Jacob et al. 2018</a>.
 *
 * @param type U8 for numbers that cannot be negative, else I8
 * @param scale value of the integer 1
 */
public record QuantParams(DType type, double scale) {
  /** Checks type and scale. */
  public QuantParams {
    if (type != DType.U8 && type != DType.I8 || !(scale > 0) || Double.isInfinite(scale)) {
      throw new IllegalArgumentException(
          "expected U8 or I8 with a positive scale, found " + type + " with " + scale);
    }
  }

  /** Numbers between −range and range, or between 0 and range. */
  public static QuantParams of(double range, boolean signed) {
    return signed ? new QuantParams(DType.I8, range / 127) : new QuantParams(DType.U8, range / 255);
  }

  /** Normalised pixels. */
  public static QuantParams of(Normalization normalization) {
    return of(normalization.largest(), true);
  }

  /** The integer nearest to a value, halves to even, at the limits of the type. */
  public int integer(double value) {
    double low = type == DType.U8 ? 0 : -128;
    double high = type == DType.U8 ? 255 : 127;
    return (int) Math.max(low, Math.min(high, Math.rint(value / scale)));
  }
}
