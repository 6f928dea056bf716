package org.jresnet.nativebindings.cuda;

import org.bytedeco.cuda.cublas.cublasLtContext;
import org.bytedeco.cuda.global.cublas;

/** cuBLASLt on the current device. */
public final class BlasLt implements AutoCloseable {
  private final int device = CudaDevice.current();
  private cublasLtContext handle = new cublasLtContext();

  /** Opens it. */
  public BlasLt() {
    Check.blas(cublas.cublasLtCreate(handle), "opening cuBLASLt");
  }

  /** Version of the loaded library, such as {@code 13.1.0}. */
  public static String version() {
    long v = cublas.cublasLtGetVersion();
    return v / 10000 + "." + v / 100 % 100 + "." + v % 100;
  }

  /** For a call of the thread that asks, as {@link CudaStream#handle}. */
  cublasLtContext handle() {
    if (handle == null) {
      throw new IllegalStateException("cuBLASLt is used after close");
    }
    CudaDevice.use(device);
    return handle;
  }

  @Override
  public void close() {
    if (handle != null) {
      cublas.cublasLtDestroy(handle);
      handle = null;
    }
  }
}
