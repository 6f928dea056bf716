package org.jresnet.distributed;

/** What is added up. */
public enum Element {
  /** Single precision. */
  F32(Float.BYTES),
  /** Double precision. */
  F64(Double.BYTES),
  /** The upper half of single precision: two values are added in that and rounded to even. */
  BF16(Short.BYTES);

  private final int bytes;

  Element(int bytes) {
    this.bytes = bytes;
  }

  /** Size of a value. */
  public int bytes() {
    return bytes;
  }
}
