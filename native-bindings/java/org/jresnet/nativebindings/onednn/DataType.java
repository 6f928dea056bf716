package org.jresnet.nativebindings.onednn;

import org.bytedeco.dnnl.memory;

/** Element types of oneDNN memory that jresnet uses. */
public enum DataType {
  /** IEEE single precision. */
  F32(memory.data_type.f32),
  /** bfloat16. */
  BF16(memory.data_type.bf16),
  /** Signed byte. */
  I8(memory.data_type.s8),
  /** Unsigned byte. */
  U8(memory.data_type.u8);

  final memory.data_type code;

  DataType(memory.data_type code) {
    this.code = code;
  }
}
