package org.jresnet.graph;

import java.util.Arrays;
import java.util.List;

/** Element types of tensors, in memory and in weight files. */
public enum DType {
  /** IEEE double precision; the reference backend computes in it. */
  F64(8),
  /** IEEE single precision. */
  F32(4),
  /**
   * An F32 in memory whose products are computed from its upper 19 bits, on tensor cores. Not in
   * files.
   */
  TF32(4),
  /** IEEE half precision. */
  F16(2),
  /** The upper half of an F32: 8 exponent bits, 7 stored mantissa bits. */
  BF16(2),
  /** Signed 64-bit integer, little-endian in files ({@code num_batches_tracked}). */
  I64(8),
  /** Signed 32-bit integer. */
  I32(4),
  /** Signed 8-bit integer. */
  I8(1),
  /** Unsigned 8-bit integer. */
  U8(1);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /** The types of tensors in weight files. */
  public static List<DType> ofFiles() {
    return Arrays.stream(values()).filter(type -> type != TF32).toList();
  }

  /** Bytes of one element. */
  public int bytes() {
    return bytes;
  }
}
