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
  /** 8 bits, 3 of them mantissa, no infinity ({@code float8_e4m3fn}). Only in files. */
  F8_E4M3(1),
  /** 8 bits, the upper half of an F16 ({@code float8_e5m2}). Only in files. */
  F8_E5M2(1),
  /** Signed 64-bit integer, little-endian in files ({@code num_batches_tracked}). */
  I64(8),
  /** Signed 32-bit integer. */
  I32(4),
  /** Signed 16-bit integer. Only in files. */
  I16(2),
  /** Signed 8-bit integer. */
  I8(1),
  /** Unsigned 64-bit integer. Only in files. */
  U64(8),
  /** Unsigned 32-bit integer. Only in files. */
  U32(4),
  /** Unsigned 16-bit integer. Only in files. */
  U16(2),
  /** Unsigned 8-bit integer. */
  U8(1),
  /** A byte that is 0 for false and 1 for true. Only in files. */
  BOOL(1);

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
