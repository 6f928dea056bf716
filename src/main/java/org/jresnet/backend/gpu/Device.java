package org.jresnet.backend.gpu;

import org.jresnet.nativebindings.cuda.BlasLt;
import org.jresnet.nativebindings.cuda.CudnnHandle;
import org.jresnet.nativebindings.cuda.Kernel;
import org.jresnet.nativebindings.cuda.MatrixProduct;

/** What bound ops run on: a GPU, or in tests the host, which runs our kernels as C++. */
interface Device {
  /** A kernel with its arguments, ready to run. */
  interface Launch extends AutoCloseable {
    /** Sends it to the device. */
    void run();

    @Override
    void close();
  }

  /** Ties a kernel to its arguments. */
  Launch launch(String kernel, Kernel.Grid grid, Kernel.Arguments arguments);

  /** Copies within the device. */
  void copy(Place from, Place to, long bytes);

  /** What launches depend on. */
  DeviceLimits limits();

  /** cuDNN on this device. */
  CudnnHandle dnn();

  /** Sends a matrix product to the device. */
  void run(MatrixProduct.Bound product);

  /** cuBLASLt on this device. */
  BlasLt blas();
}
