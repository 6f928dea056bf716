package org.jresnet.nativebindings.cuda;

import org.bytedeco.cuda.global.cudnn;

/** Element types of device tensors. */
public enum DataType {
  /** IEEE single precision. */
  F32(4, cudnn.CUDNN_DATA_FLOAT),
  /** IEEE half precision. */
  F16(2, cudnn.CUDNN_DATA_HALF),
  /** bfloat16. */
  BF16(2, cudnn.CUDNN_DATA_BFLOAT16),
  /** Signed bytes. */
  I8(1, cudnn.CUDNN_DATA_INT8),
  /** Signed integers of 32 bits. */
  I32(4, cudnn.CUDNN_DATA_INT32);

  private final int bytes;
  private final int code;

  DataType(int bytes, int code) {
    this.bytes = bytes;
    this.code = code;
  }

  /** Bytes per element. */
  public int bytes() {
    return bytes;
  }

  int code() {
    return code;
  }
}
